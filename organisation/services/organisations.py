"""Organisations themselves."""

from __future__ import annotations

from zoneinfo import available_timezones

from django.db import connection, transaction
from django.utils.translation import gettext as _

from crm.core.access import Scope, activate, system_scope_for
from crm.core.errors import Conflict, Invalid
from organisation.choices import Language, Role
from organisation.cleaning import clean_language, clean_name
from organisation.events import OrganisationCreated, OrganisationUpdated
from organisation.models import Organisation, User
from organisation.services.people import create_user, new_set_up_link
from outbox.services import publish


@transaction.atomic
def create_organisation(
    *, name: str, admin_mail: str, admin_name: str, zone: str = "Europe/Berlin", language: str = Language.DE
) -> tuple[Organisation, User, str]:
    """A new organisation, its first administrator, and the token of the link by which he sets up his account.

    Called by an operator's command: there is no organisation yet whose scope could allow it. Raises Invalid, Conflict.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence('organisation_organisation', 'id'))")
        (organisation_id,) = cursor.fetchone()
    with activate(system_scope_for(organisation_id, job="organisation", zone=_clean_zone(zone))) as scope:
        organisation = Organisation(
            pk=organisation_id, name=clean_name(name), zone=zone, language=clean_language(language)
        )
        organisation.save(force_insert=True)
        publish(OrganisationCreated(organisation_id=organisation.pk))
        admin = create_user(scope=scope, email=admin_mail, name=admin_name, role=Role.ADMINISTRATOR, language=language)
        return organisation, admin, new_set_up_link(scope=scope, user_id=admin.pk)


@transaction.atomic
def change_organisation(*, scope: Scope, version: int, name: str, zone: str, language: str) -> Organisation:
    """Change the scope's organisation. Raises Forbidden without `organisation.edit`, Conflict, Invalid."""
    organisation = _own(scope)
    if organisation.version != version:
        raise Conflict(_("Someone changed these settings meanwhile."), version=organisation.version)
    new = {"name": clean_name(name), "zone": _clean_zone(zone), "language": clean_language(language)}
    fields = [field for field, value in new.items() if getattr(organisation, field) != value]
    if fields:
        for field in fields:
            setattr(organisation, field, new[field])
        organisation.save(update_fields=fields)
        publish(OrganisationUpdated(organisation_id=organisation.pk, fields=sorted(fields)))
        organisation.refresh_from_db()
    return organisation


@transaction.atomic
def leave_demo(*, scope: Scope) -> Organisation:
    """Take the demo mark away: the sign-in page stops offering this organisation's people. There is no way back.

    Raises Forbidden without `organisation.edit`.
    """
    organisation = _own(scope)
    if organisation.is_demo:
        organisation.is_demo = False
        organisation.save(update_fields=["is_demo"])
        publish(OrganisationUpdated(organisation_id=organisation.pk, fields=["is_demo"]))
    return organisation


def _own(scope: Scope) -> Organisation:
    own = Organisation.objects.visible_to(scope).select_for_update(of=("self",)).get_or_not_found()
    scope.require("organisation.edit")
    return own


def _clean_zone(zone: str) -> str:
    if zone not in available_timezones():
        raise Invalid(_("A time zone such as Europe/Berlin."), field="zone")
    return zone
