"""Django's admin as a part of the product."""

from __future__ import annotations

from django.contrib.admin.apps import AdminConfig


class CrmAdminConfig(AdminConfig):
    """The admin whose site is ours."""

    default_site = "crm.core.admin.CrmAdminSite"
