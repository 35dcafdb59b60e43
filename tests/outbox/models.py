"""What the probes write."""

from django.db import models

from crm.core.access import OrganisationQuerySet
from crm.core.classes import internal
from crm.core.models import OrganisationModel


class Effect(OrganisationModel):
    """One effect of one handler. Nothing is unique here: a doubled effect must show."""

    handler = internal(models.TextField())
    event_id = internal(models.UUIDField())
    subject_id = internal(models.BigIntegerField())
    number = internal(models.BigIntegerField())

    objects = OrganisationQuerySet["Effect"].as_manager()

    class Meta:
        app_label = "probe"

    def __str__(self) -> str:
        return self.handler
