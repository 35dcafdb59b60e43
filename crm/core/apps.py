"""The kernel: no tables of its own."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CoreConfig(AppConfig):
    """Label `core`; templates and template tags of the frame live here."""

    name = "crm.core"
    label = "core"
    verbose_name = _("Core")
