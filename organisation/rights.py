"""Role × right, as data: services ask `scope.require(right)`, the tests read the same table.

Which rows a right reaches is another question: `readable_by` and `changeable_by` of each model answer it.
"""

from __future__ import annotations

from typing import Final

from organisation.choices import SHARES_WITH_ALL, Role

RIGHTS: Final[dict[str, frozenset[Role]]] = {
    # customers
    "customers.create": frozenset({Role.REP, Role.TEAM_LEAD, Role.CHAIN_MANAGER, Role.MANAGER, Role.ADMINISTRATOR}),
    "customers.change": frozenset({Role.REP, Role.TEAM_LEAD, Role.CHAIN_MANAGER, Role.MANAGER, Role.ADMINISTRATOR}),
    "customers.activate": frozenset({Role.REP, Role.TEAM_LEAD, Role.MANAGER, Role.ADMINISTRATOR}),
    "customers.assign": frozenset({Role.TEAM_LEAD, Role.CHAIN_MANAGER, Role.MANAGER, Role.ADMINISTRATOR}),
    "customers.release": frozenset({Role.REP, Role.TEAM_LEAD, Role.CHAIN_MANAGER, Role.MANAGER, Role.ADMINISTRATOR}),
    "customers.status": frozenset({Role.MANAGER, Role.ADMINISTRATOR}),
    "customers.delete": frozenset({Role.REP, Role.TEAM_LEAD, Role.CHAIN_MANAGER, Role.MANAGER, Role.ADMINISTRATOR}),
    "customers.grant": frozenset({Role.TEAM_LEAD, Role.CHAIN_MANAGER, Role.MANAGER, Role.ADMINISTRATOR}),
    "customers.add_location": frozenset({Role.TEAM_LEAD, Role.CHAIN_MANAGER, Role.MANAGER, Role.ADMINISTRATOR}),
    "customers.import": frozenset({Role.MANAGER, Role.ADMINISTRATOR}),
    # values
    "money.read": frozenset(set(Role) - {Role.DPO}),
    "fields.read_restricted": frozenset(set(Role) - {Role.REP}),
    "fields.write_restricted": frozenset({Role.MANAGER, Role.ADMINISTRATOR}),
    "catalogue.edit": frozenset({Role.MANAGER, Role.ADMINISTRATOR}),
    # organisation
    "trash.read_all": frozenset({Role.MANAGER, Role.ADMINISTRATOR}),
    "admin.open": frozenset({Role.MANAGER, Role.ADMINISTRATOR}),
    "people.manage": frozenset({Role.ADMINISTRATOR}),
    "organisation.edit": frozenset({Role.ADMINISTRATOR}),
    "settings.change": frozenset({Role.MANAGER, Role.ADMINISTRATOR}),
    "settings.change_security": frozenset({Role.ADMINISTRATOR}),
    "flags.change": frozenset({Role.ADMINISTRATOR}),
    "templates.edit": frozenset({Role.MANAGER, Role.ADMINISTRATOR}),
    "mails.manage": frozenset({Role.ADMINISTRATOR}),
    "jobs.manage": frozenset({Role.MANAGER, Role.ADMINISTRATOR}),
    "webhooks.manage": frozenset({Role.ADMINISTRATOR}),
    "backups.manage": frozenset({Role.ADMINISTRATOR}),
    "views.share_team": frozenset({Role.TEAM_LEAD, *SHARES_WITH_ALL}),
    "views.share_all": SHARES_WITH_ALL,
    "exports.run": frozenset(Role),
    # other systems
    "connections.manage": frozenset({Role.ADMINISTRATOR}),
    "integrations.read": frozenset({Role.MANAGER, Role.ADMINISTRATOR}),
    "inbox.replay": frozenset({Role.MANAGER, Role.ADMINISTRATOR}),
    "tokens.own": frozenset(Role),
}

# May be given to or taken from a single user beside his role.
SINGLE_RIGHTS: Final = frozenset({"exports.run", "customers.import"})


def rights_of(role: str, added: list[str], withdrawn: list[str]) -> frozenset[str]:
    """The rights of one user: his role's, plus single ones added, less single ones withdrawn."""
    own = {right for right, roles in RIGHTS.items() if role in roles}
    return frozenset((own | (set(added) & SINGLE_RIGHTS)) - (set(withdrawn) & SINGLE_RIGHTS))
