"""Who is told when something happened below or beside: events are heard by their types, as the floors allow no import."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from crm.core.access import Scope
from messaging.audience import people_of
from messaging.kinds import SUPERVISORS
from messaging.services import notify
from organisation.choices import Role
from organisation.events import TokenEnding
from organisation.models import ApiToken
from outbox.events import (
    ConnectionSecretOld,
    CredentialsRefused,
    InboxDead,
    SubscriptionDisabled,
    SubscriptionFailing,
    SubscriptionSecretOld,
)
from outbox.models import Event
from outbox.registry import handler


@handler(
    SubscriptionFailing.type, SubscriptionDisabled.type, SubscriptionSecretOld.type, name="messaging.tell_subscription"
)
def tell_subscription(event: Event, scope: Scope) -> None:
    """The one who looks after the subscription, and the administrators."""
    users = [int(event.data["owner_id"]), *people_of(scope, Role.ADMINISTRATOR)]
    subject = (event.subject_type, event.subject_id)
    notify(scope=scope, kind=event.type, users=users, subject=subject, parameters=event.data)


@handler(InboxDead.type, name="messaging.tell_inbox_dead")
def tell_inbox_dead(event: Event, scope: Scope) -> None:
    """Who may replay it. Many of one connection fold into one notice while it is unread."""
    users = people_of(scope, *SUPERVISORS)
    subject = (event.subject_type, event.subject_id)
    notify(scope=scope, kind=event.type, users=users, subject=subject, parameters=event.data)


@handler(CredentialsRefused.type, ConnectionSecretOld.type, name="messaging.tell_credentials_refused")
def tell_credentials_refused(event: Event, scope: Scope) -> None:
    """The one who set the connection up, and the administrators: nobody else can put new ones in."""
    owner = event.data["owner_id"]
    users = people_of(scope, Role.ADMINISTRATOR) + ([] if owner is None else [int(owner)])
    subject = (event.subject_type, event.subject_id)
    notify(scope=scope, kind=event.type, users=users, subject=subject, parameters=event.data)


@handler(TokenEnding.type, name="messaging.tell_token_ending")
def tell_token_ending(event: Event, scope: Scope) -> None:
    """The owner of a token that ends soon, where it is still good."""
    token = ApiToken.objects.visible_to(scope).live(scope.now).filter(pk=event.data["token_id"]).first()
    if token is None:
        return
    until = token.expires_at.astimezone(ZoneInfo(scope.zone))
    values = {"name": token.name, "date": f"{until:%d.%m.%Y}"}
    notify(scope=scope, kind=event.type, users=[token.user_id], subject=("api_token", token.pk), parameters=values)


@handler("job.failed", name="messaging.tell_job_failed")
def tell_job_failed(event: Event, scope: Scope) -> None:
    """Administrators, from the second failure of a run on: the first may have been chance."""
    if int(event.data["attempt"]) < 2:
        return
    subject = (event.subject_type, event.subject_id)
    users = people_of(scope, Role.ADMINISTRATOR)
    notify(scope=scope, kind=event.type, users=users, subject=subject, parameters=event.data)


@handler("task.ended", name="messaging.tell_task_ended")
def tell_task_ended(event: Event, scope: Scope) -> None:
    """Who started a long task, when it is through or stuck. Who cancelled it knows."""
    kinds = {"DONE": "task.done", "FAILED": "task.failed"}
    kind, user_id = kinds.get(str(event.data["state"])), event.data["user_id"]
    if kind is None or user_id is None:
        return
    subject = (event.subject_type, event.subject_id)
    notify(scope=scope, kind=kind, users=[int(user_id)], subject=subject, parameters=event.data)


@handler("change_set.undone", name="messaging.tell_batch_undone")
def tell_batch_undone(event: Event, scope: Scope) -> None:
    """Who had made the batch, where somebody else has undone it."""
    made_by = event.data.get("made_by")
    if made_by is None or event.actor == f"user:{made_by}":
        return
    subject = (event.subject_type, event.subject_id)
    notify(scope=scope, kind=event.type, users=[int(made_by)], subject=subject, parameters=event.data)
