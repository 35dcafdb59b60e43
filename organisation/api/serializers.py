"""Bodies of settings, feature flags and saved views."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from crm.core.api.serializers import StrictSerializer
from crm.core.listing.reading import DENSITIES, LONGEST_SEARCH, MOST_COLUMNS
from crm.core.options import Level, Nature
from organisation.choices import Audience, FlagStep

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


class ListStateSerializer(StrictSerializer):
    """What of a list is kept under a name. What is left out is as the list has it by itself."""

    q = serializers.CharField(
        max_length=LONGEST_SEARCH, required=False, allow_blank=True, help_text="Words to search for."
    )
    filter = serializers.DictField(
        required=False, help_text="A tree of the filter language; {} lets everything pass.", default=dict
    )
    sort = serializers.CharField(
        max_length=80, required=False, allow_blank=True, help_text="Key of a column; with a leading `-` descending."
    )
    columns = serializers.ListField(
        child=serializers.CharField(max_length=80),
        max_length=MOST_COLUMNS,
        required=False,
        help_text="Keys of the columns to show, in their order; [] for the usual ones.",
    )
    density = serializers.ChoiceField(
        choices=DENSITIES, required=False, allow_blank=True, help_text="Height of rows; blank for the reader's own."
    )


class SavedViewSerializer(serializers.Serializer[Any]):
    """A saved view. Where `is_refused`, it asks for what is not there for the caller: `state` and `url` are null."""

    id = serializers.IntegerField()
    list = serializers.CharField()
    name = serializers.CharField()
    owner_id = serializers.IntegerField()
    audience = serializers.ChoiceField(choices=Audience.values)
    team_id = serializers.IntegerField(allow_null=True)
    state = ListStateSerializer(allow_null=True)
    is_refused = serializers.BooleanField()
    url = serializers.CharField(allow_null=True, help_text="The list's page in this state.")
    is_pinned = serializers.BooleanField(help_text="Whether it is one of the caller's own tabs.")
    version = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class SavedViewPageSerializer(serializers.Serializer[Any]):
    """A page of saved views."""

    results = SavedViewSerializer(many=True)
    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)


class NewSavedViewSerializer(StrictSerializer):
    """A list's state and its name."""

    list = serializers.CharField(max_length=40)
    name = serializers.CharField(max_length=80)
    state = ListStateSerializer(required=False)


class SavedViewChangesSerializer(StrictSerializer):
    """What changes; `team_id` goes with `audience` TEAM."""

    name = serializers.CharField(max_length=80, required=False)
    state = ListStateSerializer(required=False)
    audience = serializers.ChoiceField(choices=Audience.values, required=False)
    team_id = serializers.IntegerField(min_value=1, required=False, allow_null=True)


class CopiedViewSerializer(StrictSerializer):
    """The copy's name."""

    name = serializers.CharField(max_length=80, required=False)


class PinSerializer(StrictSerializer):
    """A tab, or none."""

    is_pinned = serializers.BooleanField()
