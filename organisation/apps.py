"""Organisations, people, teams, rights."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class OrganisationConfig(AppConfig):
    """Who is asking, and what he may see."""

    name = "organisation"
    verbose_name = _("Organisation")
