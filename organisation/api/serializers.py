"""Bodies of settings and feature flags."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from crm.core.api.serializers import StrictSerializer
from crm.core.options import Level, Nature
from organisation.choices import FlagStep

SCOPES = [level.value.lower() for level in Level]


class SettingSerializer(serializers.Serializer[Any]):
    """A setting. `value` is what holds, or with `?scope=` what is set there (null: nothing)."""

    key = serializers.CharField()
    label = serializers.CharField(  # type: ignore[assignment]
        help_text="In the caller's language, as area, help and unit."
    )
    help = serializers.CharField()
    area = serializers.CharField()
    nature = serializers.ChoiceField(choices=[nature.value for nature in Nature])
    security = serializers.BooleanField()
    unit = serializers.CharField(allow_blank=True)
    least = serializers.JSONField(allow_null=True)
    most = serializers.JSONField(allow_null=True)
    choices = serializers.ListField(child=serializers.CharField())
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=SCOPES), help_text="Where it can be set.")
    default = serializers.JSONField()
    value = serializers.JSONField(allow_null=True)
    source = serializers.ChoiceField(  # type: ignore[assignment]
        choices=[*SCOPES, "default"], allow_null=True, help_text="Where `value` comes from; null where it is null."
    )


class SettingListSerializer(serializers.Serializer[Any]):
    """All settings."""

    results = SettingSerializer(many=True)


class NewValueSerializer(StrictSerializer):
    """A value, or null to take it away; other scopes than `user` need a reason, which stands in the history."""

    value = serializers.JSONField(
        allow_null=True, help_text="Number, truth, a choice, a decimal as text, a time of day as HH:MM."
    )
    reason = serializers.CharField(max_length=300, required=False, allow_blank=True, label=_("Reason"))


class FlagSerializer(serializers.Serializer[Any]):
    """A feature flag. `obstacle` is why it cannot go to its next step now, "" where it can or is at its last."""

    key = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    owner = serializers.CharField(help_text="Who answers for its end.")
    ends_on = serializers.DateField()
    is_expired = serializers.BooleanField()
    needs = serializers.ListField(child=serializers.CharField(), help_text="Flags that must be on for everybody first.")
    step = serializers.ChoiceField(choices=FlagStep.values)
    step_since = serializers.DateTimeField(allow_null=True, help_text="null where it was never on.")
    obstacle = serializers.CharField(allow_blank=True, help_text="In the caller's language.")
    user_ids = serializers.ListField(child=serializers.IntegerField())
    team_ids = serializers.ListField(child=serializers.IntegerField())
    version = serializers.IntegerField()


class FlagListSerializer(serializers.Serializer[Any]):
    """All feature flags, what is needed before what needs it."""

    results = FlagSerializer(many=True)


class FlagOffSerializer(StrictSerializer):
    """Why it is switched off; it stands in the history."""

    reason = serializers.CharField(max_length=300)


class FlagFirstSerializer(StrictSerializer):
    """Who has the flag first."""

    user_ids = serializers.ListField(child=serializers.IntegerField(min_value=1), max_length=1000)
    team_ids = serializers.ListField(child=serializers.IntegerField(min_value=1), max_length=1000)
