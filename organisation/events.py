"""What happened to organisations and their people. Payloads name ids and fields, never a personal value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from outbox.events import DomainEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganisationEvent(DomainEvent):
    """An event whose subject is an organisation."""

    subject_type: ClassVar[str] = "organisation"

    organisation_id: int

    @property
    def subject_id(self) -> int:
        """The organisation's id."""
        return self.organisation_id


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganisationCreated(OrganisationEvent):
    """An organisation is there."""

    type: ClassVar[str] = "organisation.created"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganisationUpdated(OrganisationEvent):
    """Its name, zone, language or demo mark changed; `fields` names them."""

    type: ClassVar[str] = "organisation.updated"

    fields: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class UserEvent(DomainEvent):
    """An event whose subject is a user."""

    subject_type: ClassVar[str] = "user"

    user_id: int

    @property
    def subject_id(self) -> int:
        """The user's id."""
        return self.user_id


@dataclass(frozen=True, slots=True, kw_only=True)
class UserCreated(UserEvent):
    """Somebody was added."""

    type: ClassVar[str] = "user.created"

    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UserUpdated(UserEvent):
    """A user's role, team, rights or profile changed; `fields` names what."""

    type: ClassVar[str] = "user.updated"

    fields: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class UserDeactivated(UserEvent):
    """A user can no longer sign in."""

    type: ClassVar[str] = "user.deactivated"


@dataclass(frozen=True, slots=True, kw_only=True)
class UserReactivated(UserEvent):
    """A user may sign in again."""

    type: ClassVar[str] = "user.reactivated"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondFactorReset(UserEvent):
    """An administrator took a user's lost second factor away; the next sign-in sets a new one up."""

    type: ClassVar[str] = "user.second_factor_reset"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCreated(UserEvent):
    """A user made a token for a program; `scopes` say what it reaches."""

    type: ClassVar[str] = "token.created"

    token_id: int
    scopes: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRevoked(UserEvent):
    """A token works no longer: its user or an administrator ended it."""

    type: ClassVar[str] = "token.revoked"

    token_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenEnding(UserEvent):
    """A token works for so many days more; told 30 and 7 days before its end."""

    type: ClassVar[str] = "token.ending"

    token_id: int
    days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamEvent(DomainEvent):
    """An event whose subject is a team."""

    subject_type: ClassVar[str] = "team"

    team_id: int

    @property
    def subject_id(self) -> int:
        """The team's id."""
        return self.team_id


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamCreated(TeamEvent):
    """A team is there."""

    type: ClassVar[str] = "team.created"


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamUpdated(TeamEvent):
    """A team's name, leads or regions changed; `fields` names them."""

    type: ClassVar[str] = "team.updated"

    fields: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingChanged(OrganisationEvent):
    """A setting got another value, or lost its own: of one user, or of the organisation."""

    type: ClassVar[str] = "setting.changed"

    key: str
    level: str
    user_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagChanged(OrganisationEvent):
    """A feature flag is at another step, or reaches other people first."""

    type: ClassVar[str] = "flag.changed"

    key: str
    step: str
