"""Bodies of events, subscriptions, their messages and replays."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers

from crm.core.api.serializers import StrictSerializer
from outbox.choices import AttemptError, DispatchState, ReplayState
from outbox.models import Attempt, Dispatch, Replay, Subscription
from outbox.services.feed import LONGEST_WAIT, MOST


class EnvelopeSerializer(serializers.Serializer[Any]):
    """An event: CloudEvents 1.0. `data` is described by the type's schema."""

    specversion = serializers.CharField()
    id = serializers.UUIDField()
    source = serializers.CharField()  # type: ignore[assignment]
    type = serializers.CharField()
    subject = serializers.CharField()
    time = serializers.DateTimeField()
    datacontenttype = serializers.CharField()
    dataschema = serializers.CharField()
    crmversion = serializers.IntegerField()
    crmposition = serializers.IntegerField(help_text="Place in the feed, growing; gaps mean nothing.")
    crmgap = serializers.BooleanField()
    data = serializers.DictField()  # type: ignore[assignment]


class FeedSerializer(serializers.Serializer[Any]):
    """A page of the feed; go on with `after=<next>`."""

    items = EnvelopeSerializer(many=True)
    next = serializers.IntegerField()
    more = serializers.BooleanField()


class FeedQuerySerializer(serializers.Serializer[Any]):
    """Parameters of the feed."""

    after = serializers.IntegerField(min_value=0, max_value=2**62, default=0, help_text="A position: events behind it.")
    types = serializers.CharField(required=False, default="", help_text="Exact types or `area.*`, comma-separated.")
    subject = serializers.RegexField(
        r"^[a-z_]+/[0-9]{1,18}$", required=False, default="", help_text="As `customer/123`."
    )
    limit = serializers.IntegerField(min_value=1, max_value=MOST, default=100)
    wait = serializers.IntegerField(
        min_value=0, max_value=int(LONGEST_WAIT), default=0, help_text="Seconds to wait until something comes."
    )


class EventTypeSerializer(serializers.Serializer[Any]):
    """A type of event with a sample."""

    type = serializers.CharField()
    version = serializers.IntegerField()
    description = serializers.CharField()
    subject_type = serializers.CharField()
    dataschema = serializers.CharField()
    sample = EnvelopeSerializer()


class EventTypeListSerializer(serializers.Serializer[Any]):
    """All types."""

    results = EventTypeSerializer(many=True)


class SubscriptionSerializer(serializers.ModelSerializer[Subscription]):
    """A subscriber. Its secret is shown once, when it is made and when it is rotated."""

    types = serializers.ListField(child=serializers.CharField())
    subject_kinds = serializers.ListField(child=serializers.CharField())
    where = serializers.DictField()
    owner_id = serializers.IntegerField()
    acts_as_id = serializers.IntegerField()

    class Meta:
        model = Subscription
        fields: ClassVar[tuple[str, ...]] = (
            "id",
            "name",
            "url",
            "description",
            "types",
            "subject_kinds",
            "where",
            "max_per_second",
            "owner_id",
            "acts_as_id",
            "state",
            "reason",
            "state_since",
            "version",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields


class SubscriptionListSerializer(serializers.Serializer[Any]):
    """A page of subscriptions."""

    results = SubscriptionSerializer(many=True)
    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)


class NewSecretSerializer(SubscriptionSerializer):
    """A subscription with its new secret, shown this once."""

    secret = serializers.CharField()

    class Meta(SubscriptionSerializer.Meta):
        fields = (*SubscriptionSerializer.Meta.fields, "secret")
        read_only_fields = fields


class ChangeSubscriptionSerializer(StrictSerializer):
    """What can be changed of a subscription."""

    name = serializers.CharField(max_length=80)
    url = serializers.CharField(max_length=2_000)
    types = serializers.ListField(child=serializers.CharField(max_length=80), min_length=1, max_length=200)
    description = serializers.CharField(max_length=500, required=False, allow_blank=True)
    subject_kinds = serializers.ListField(child=serializers.CharField(max_length=40), required=False, max_length=50)
    where = serializers.DictField(
        required=False,
        help_text="Filter language over `owner` and `team` of the account that an event is about; `{}`: all.",
    )
    acts_as_id = serializers.IntegerField(required=False, min_value=1, max_value=2**62)
    max_per_second = serializers.IntegerField(required=False, min_value=1, max_value=100)


class NewSubscriptionSerializer(ChangeSubscriptionSerializer):
    """A subscription to be made; `secret`: one of the subscriber's own."""

    secret = serializers.CharField(required=False, max_length=120)


class RotateSerializer(StrictSerializer):
    """How long both secrets sign."""

    overlap_hours = serializers.IntegerField(required=False, min_value=0, max_value=168)


class ResumeSerializer(StrictSerializer):
    """From where to go on: `stop`, `now`, or an instant."""

    def get_fields(self) -> Any:
        """`from` is a word of Python."""
        return {"from": serializers.CharField(help_text="`stop`, `now` or an instant (RFC 3339).", max_length=40)}


class MessageSerializer(serializers.ModelSerializer[Dispatch]):
    """One event on its way to a subscriber."""

    event_id = serializers.UUIDField(source="event.event_id")
    subject = serializers.SerializerMethodField()
    state = serializers.ChoiceField(choices=DispatchState.choices)
    error = serializers.ChoiceField(choices=AttemptError.choices, allow_blank=True)
    replay_id = serializers.IntegerField(allow_null=True)

    class Meta:
        model = Dispatch
        fields: ClassVar[tuple[str, ...]] = (
            "event_id",
            "type",
            "subject",
            "position",
            "state",
            "attempts",
            "run_at",
            "done_at",
            "error",
            "replay_id",
        )
        read_only_fields = fields

    def get_subject(self, dispatch: Dispatch) -> str:
        """As in the envelope."""
        return f"{dispatch.subject_type}/{dispatch.subject_id}"


class MessageListSerializer(serializers.Serializer[Any]):
    """A page of messages."""

    results = MessageSerializer(many=True)
    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)


class AttemptSerializer(serializers.ModelSerializer[Attempt]):
    """One try and what came back; the first 1,024 bytes of the answer as text, for who manages webhooks."""

    status = serializers.IntegerField(allow_null=True)
    error = serializers.ChoiceField(choices=AttemptError.choices, allow_blank=True)
    answer = serializers.SerializerMethodField()

    class Meta:
        model = Attempt
        fields = ("number", "at", "status", "error", "milliseconds", "answer")
        read_only_fields = fields

    def get_answer(self, attempt: Attempt) -> str | None:
        """What the other side wrote, where the caller sees it (`whole`)."""
        return bytes(attempt.answer).decode("utf-8", "replace") if self.context["whole"] else None


class MessageWithAttemptsSerializer(MessageSerializer):
    """A message and all its attempts."""

    tries = AttemptSerializer(many=True)

    class Meta(MessageSerializer.Meta):
        fields = (*MessageSerializer.Meta.fields, "tries")
        read_only_fields = fields


class NewReplaySerializer(StrictSerializer):
    """What to send again; `dry_run` only counts."""

    def get_fields(self) -> Any:
        """`from` is a word of Python."""
        return {
            "subscription": serializers.IntegerField(min_value=1, max_value=2**62),
            "from": serializers.DateTimeField(),
            "to": serializers.DateTimeField(),
            "types": serializers.ListField(child=serializers.CharField(max_length=80), required=False, max_length=200),
            "subject": serializers.RegexField(r"^[a-z_]+/[0-9]{1,18}$", required=False),
            "only": serializers.ChoiceField(choices=["dead", "all"], required=False, default="dead"),
            "dry_run": serializers.BooleanField(required=False, default=False),
        }


class ReplaySerializer(serializers.Serializer[Any]):
    """A replay: how many events it has, how far it is. Without an id where it was only counted."""

    id = serializers.IntegerField(allow_null=True)
    count = serializers.IntegerField()
    status = serializers.ChoiceField(choices=[*ReplayState.choices, ("COUNTED", "Counted")])


def replay_body(count: int, replay: Replay | None) -> dict[str, Any]:
    """The values of a ReplaySerializer."""
    return {"id": replay.pk if replay else None, "count": count, "status": replay.state if replay else "COUNTED"}
