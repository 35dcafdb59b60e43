"""The tables of organisations and their people, by what they are for."""

from organisation.models.organisation import (
    ApiToken,
    FeatureFlag,
    IdempotencyKey,
    NumberRange,
    OneTimeLink,
    OperationCount,
    Organisation,
    SettingValue,
    Team,
    User,
)
from organisation.models.saved_views import ListDefault, SavedView, ViewPin

__all__ = [
    "ApiToken",
    "FeatureFlag",
    "IdempotencyKey",
    "ListDefault",
    "NumberRange",
    "OneTimeLink",
    "OperationCount",
    "Organisation",
    "SavedView",
    "SettingValue",
    "Team",
    "User",
    "ViewPin",
]
