"""The demo where a command needs it before the product ever ran."""

from __future__ import annotations

from django.conf import settings

from crm.core.access import organisation_ids
from crm.core.errors import NotFound
from customers.demo.build import build_demo
from organisation.access import enter_organisation
from organisation.choices import Role
from organisation.models import User


def demo_manager() -> User:
    """The manager of the first demo organisation; the open transaction has entered his organisation then.

    Embedded servers without any organisation get the demo first, as the first `run` gives it. Raises NotFound.
    """
    if settings.EMBEDDED and not organisation_ids():
        build_demo()
    for organisation_id in organisation_ids():
        enter_organisation(organisation_id)
        managers = User.objects.select_related("organisation").filter(
            organisation_id=organisation_id, organisation__is_demo=True, role=Role.MANAGER, is_active=True
        )
        manager: User | None = managers.order_by("pk").first()
        if manager is not None:
            return manager
    raise NotFound("There is no demo organisation; name a user with --as MAIL, or start with an empty data folder.")
