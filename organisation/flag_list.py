"""Feature flags as their page shows them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from crm.core.access import Scope
from crm.core.flags import Flag, Step, all_flags
from organisation.choices import FlagStep
from organisation.models import FeatureFlag
from organisation.services.flags import why_not_next


@dataclass(frozen=True, slots=True)
class FlagRow:
    """A flag with its state: what its next step is, why it cannot go there now, and whether its end has passed."""

    flag: Flag
    state: FeatureFlag
    next_step: str
    obstacle: str
    expired: bool

    @property
    def is_off(self) -> bool:
        """Whether it is off for everybody."""
        return self.state.step == FlagStep.OFF


def flag_rows(scope: Scope) -> list[FlagRow]:
    """Every declared flag, in the order of declaration."""
    states = {row.key: row for row in FeatureFlag.objects.visible_to(scope)}
    return [flag_row(scope, flag, states.get(flag.key) or new_state(scope, flag)) for flag in all_flags()]


def flag_row(scope: Scope, flag: Flag, state: FeatureFlag) -> FlagRow:
    """One flag in the state given."""
    following = Step(state.step).next()
    return FlagRow(
        flag=flag,
        state=state,
        next_step=str(FlagStep(following.value).label) if following else "",
        obstacle=why_not_next(scope, flag, state),
        expired=is_expired(flag, scope.today),
    )


def state_of(scope: Scope, flag: Flag) -> FeatureFlag:
    """The stored state of a flag, or that of one that was never on."""
    found: FeatureFlag | None = FeatureFlag.objects.visible_to(scope).filter(key=flag.key).first()
    return found or new_state(scope, flag)


def new_state(scope: Scope, flag: Flag) -> FeatureFlag:
    """A flag that was never on; its version is 0."""
    return FeatureFlag(organisation_id=scope.organisation_id, key=flag.key, step_since=scope.now, version=0)


def is_expired(flag: Flag, today: date) -> bool:
    """Whether the day on which the flag should have gone has passed."""
    return flag.ends_on < today
