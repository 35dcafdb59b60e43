"""Feature flags: one step at a time, named people and pilot teams, off at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Final

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from crm.core.access import Scope, activate
from crm.core.errors import Conflict, Invalid, NotFound
from crm.core.flags import Flag, Step, flag_named, flags_changed
from organisation.events import FlagChanged
from organisation.models import FeatureFlag, Team, User
from organisation.operations import error_budget
from outbox.services import publish

LEAST_AT_A_STEP: Final = timedelta(days=1)  # operations.md, Feature flags


@transaction.atomic
def advance_flag(*, scope: Scope, key: str, version: int = 0) -> FeatureFlag:
    """Take the flag to its next step. `version` is that of the state seen, 0 where it was never on.

    Raises NotFound (no such flag), Forbidden without `flags.change`, Conflict: changed since, at the last step already, less
    than a day at this step, a needed flag not on everywhere, the error budget spent, no pilot team named.
    """
    flag, row = _locked(scope, key, version)
    reason = why_not_next(scope, flag, row)
    step = Step(row.step).next()
    if reason or step is None:
        raise Conflict(reason or _("This flag is on for everybody."))
    row.step, row.step_since = step.value, scope.now
    return _saved(scope, row)


@transaction.atomic
def switch_off_flag(*, scope: Scope, key: str, reason: str) -> FeatureFlag:
    """Switch the flag off, for everybody and at once. Raises NotFound, Forbidden, Invalid without a reason."""
    _flag, row = _locked(scope, key, None)
    text = " ".join(reason.split())
    if not text:
        raise Invalid(_("A reason is needed; it stands in the history."), field="reason")
    if row.step == Step.OFF:
        return row
    row.step, row.step_since = Step.OFF.value, scope.now
    with activate(scope.with_reason(text)):
        return _saved(scope, row)


@transaction.atomic
def choose_first(
    *, scope: Scope, key: str, version: int = 0, users: Iterable[User] = (), teams: Iterable[Team] = ()
) -> FeatureFlag:
    """Name who has the flag first: people from its first step on, teams as pilots. Raises as `advance_flag`, Invalid."""
    _flag, row = _locked(scope, key, version)
    row.user_ids = _own(User.objects.visible_to(scope).active().values_list("pk", flat=True), users)
    row.team_ids = _own(Team.objects.visible_to(scope).values_list("pk", flat=True), teams)
    return _saved(scope, row)


def why_not_next(scope: Scope, flag: Flag, row: FeatureFlag) -> str:
    """Why the flag cannot go on now, in words; nothing where it can or is at its end."""
    return "" if Step(row.step).next() is None else next(_obstacles(scope, flag, row), "")


def _obstacles(scope: Scope, flag: Flag, row: FeatureFlag) -> Iterator[str]:
    step = Step(row.step)
    if step is not Step.OFF and scope.now - row.step_since < LEAST_AT_A_STEP:
        yield _("A flag stays at least one day at each step.")
    waiting = [name for name in flag.needs if _step_of(scope, name) is not Step.ALL]
    if waiting:
        yield _("First these are on for everybody: %(flags)s.") % {"flags": ", ".join(waiting)}
    if step.next() is Step.PILOT and not row.team_ids:
        yield _("Name a pilot team first.")
    budget = error_budget(scope)
    if budget.spent:
        yield _("The error budget of the last seven days is spent: %(failed)s of %(all)s operations failed.") % {
            "failed": budget.failed,
            "all": budget.done + budget.failed,
        }


def _locked(scope: Scope, key: str, version: int | None) -> tuple[Flag, FeatureFlag]:
    flag = flag_named(key)
    if flag is None:
        raise NotFound(_("There is no such flag."))
    scope.require("flags.change")
    rows = FeatureFlag.objects.visible_to(scope).select_for_update(of=("self",))
    row: FeatureFlag | None = rows.filter(key=key).first()
    if row is None:
        row = FeatureFlag(organisation_id=scope.organisation_id, key=key, step_since=scope.now, version=0)
    if version is not None and version != row.version:
        raise Conflict(_("Someone changed this flag meanwhile."), version=row.version)
    return flag, row


def _saved(scope: Scope, row: FeatureFlag) -> FeatureFlag:
    fields = ["step", "step_since", "user_ids", "team_ids"]
    try:
        with transaction.atomic():
            if row.pk is None:
                row.version = 1
                row.save(force_insert=True)
            else:
                row.save(update_fields=fields)
    except IntegrityError:  # somebody else was first with this flag
        raise Conflict(_("Someone changed this flag meanwhile.")) from None
    flags_changed(scope)
    publish(FlagChanged(organisation_id=scope.organisation_id, key=row.key, step=row.step))
    row.refresh_from_db()
    return row


def _step_of(scope: Scope, key: str) -> Step:
    step = FeatureFlag.objects.visible_to(scope).filter(key=key).values_list("step", flat=True).first()
    return Step(step or Step.OFF)


def _own(known: Iterable[int], wanted: Iterable[User] | Iterable[Team]) -> list[int]:
    ids = sorted({one.pk for one in wanted})
    if not set(ids) <= set(known):
        raise Invalid(_("Active people and teams of this organisation."), field="users")
    return ids
