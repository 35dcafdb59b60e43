"""Settings of the product, read once from the environment (12-factor); start-up fails naming the variable at fault.

The launcher sets the variables (`./freshplan run`); an operator sets them himself behind a proxy. `docs/operators.md` lists them all.
"""

from crm.settings.accounts import *  # noqa: F403
from crm.settings.api import *  # noqa: F403
from crm.settings.base import *  # noqa: F403 - settings are a flat namespace by Django's design
from crm.settings.work import *  # noqa: F403
