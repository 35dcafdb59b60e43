"""Organisations, teams and users of the demo, with passwords and second factors of this data folder alone."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import generate_totp_secret
from django.conf import settings
from django.db import connection
from django.utils import timezone

from crm.core.api.callers import token_scopes
from organisation.choices import Role
from organisation.models import Organisation, Team, User
from organisation.tokens import issue

LOGINS: Final = "demo-logins.json"
TOKEN_LIFE: Final = timedelta(days=365)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A user of the demo; `team` is the name of his team, `leads` that of the team he leads."""

    mail: str
    name: str
    role: str
    team: str = ""
    leads: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """What somebody needs to sign in as a demo user, and what his programs show; the file is a list of these."""

    organisation: str
    role: str
    email: str
    password: str
    totp_secret: str
    api_token: str


NORTH, SOUTH = "Team Nord", "Team Süd"
REGIONS: Final = {NORTH: ["10", "13"], SOUTH: ["12", "14"]}
FIRST: Final = "Cook&Fresh Manufaktur GmbH"
SECOND: Final = "Cook&Fresh Austria GmbH"

STAFF: Final = (
    Person(mail="rep.nord@cook-fresh.example", name="Jule Kornfeld", role=Role.REP, team=NORTH),
    Person(mail="rep.sued@cook-fresh.example", name="Emre Sonnenberg", role=Role.REP, team=SOUTH),
    Person(
        mail="lead.nord@cook-fresh.example", name="Marit Haubentaucher", role=Role.TEAM_LEAD, team=NORTH, leads=NORTH
    ),
    Person(mail="lead.sued@cook-fresh.example", name="Thilo Sandregen", role=Role.TEAM_LEAD, team=SOUTH, leads=SOUTH),
    Person(mail="ketten@cook-fresh.example", name="Svenja Lichtblau", role=Role.CHAIN_MANAGER),
    Person(mail="leitung@cook-fresh.example", name="Konrad Wiesengrund", role=Role.MANAGER),
    Person(mail="admin@cook-fresh.example", name="Hatice Federleicht", role=Role.ADMINISTRATOR),
    Person(mail="datenschutz@cook-fresh.example", name="Ottilie Regenbogen", role=Role.DPO),
    Person(mail="revision@cook-fresh.example", name="Jasper Kieselbach", role=Role.AUDITOR),
)
STAFF_AUSTRIA: Final = (
    Person(mail="rep@cook-fresh-austria.example", name="Vroni Almrausch", role=Role.REP),
    Person(mail="leitung@cook-fresh-austria.example", name="Leopold Zirbenholz", role=Role.MANAGER),
)


def next_organisation_id() -> int:
    """The id of an organisation that is about to be made: its scope must stand before its row."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence('organisation_organisation', 'id'))")
        return int(cursor.fetchone()[0])


def create_people(organisation: Organisation, staff: Sequence[Person]) -> list[Login]:
    """Teams and users with a second factor each, under the active scope of their organisation."""
    teams = {
        name: Team.objects.create(organisation=organisation, name=name, postcode_regions=REGIONS[name])
        for name in dict.fromkeys(person.team for person in staff if person.team)
    }
    logins = []
    for person in staff:
        password, secret = secrets.token_urlsafe(15), generate_totp_secret()
        user = User(
            organisation=organisation,
            email=person.mail,
            name=person.name,
            role=person.role,
            team=teams.get(person.team),
        )
        user.set_password(password)
        user.save(force_insert=True)
        if person.leads:
            teams[person.leads].leads.add(user)
        Authenticator.objects.create(
            user=user, type=Authenticator.Type.TOTP, data={"secret": get_adapter().encrypt(secret)}
        )
        now = timezone.now()
        _row, token = issue(user=user, name="Demo", scopes=token_scopes(), made_at=now, until=now + TOKEN_LIFE)
        logins.append(
            Login(
                organisation=organisation.name,
                role=person.role,
                email=person.mail,
                password=password,
                totp_secret=secret,
                api_token=token,
            )
        )
    return logins


def write_logins(logins: Sequence[Login]) -> Path:
    """Put the sign-ins into the data folder, readable by its owner alone."""
    path = Path(settings.DATA_DIR) / LOGINS
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump([asdict(login) for login in logins], file, ensure_ascii=False, indent=2)
    beside.replace(path)
    return path
