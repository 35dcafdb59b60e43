"""What the life of a customer is made of: his delivered orders, and the stages that were told of."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from crm.core.classes import internal
from crm.core.models import OrganisationModel, history_table
from customers.choices import LifeStage
from customers.models.account import Customer
from customers.querysets import BelongsToCustomerQuerySet


class DeliveredOrder(OrganisationModel):
    """One delivery that was reported. Without a number it was reported by hand; a number comes once a customer."""

    customer = internal(models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="delivered_orders"))
    number = internal(models.CharField(_("order number"), max_length=60, blank=True))
    delivered_at = internal(models.DateTimeField(_("delivered")))

    objects = BelongsToCustomerQuerySet.as_manager()
    history = history_table()

    class Meta:
        verbose_name, verbose_name_plural = _("delivered order"), _("delivered orders")
        ordering = ["-delivered_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "customer", "number"], condition=~Q(number=""), name="delivered_order_once"
            ),
        ]

    def __str__(self) -> str:
        return self.number


class LifeMark(OrganisationModel):
    """A stage that a customer reached, once: `day` is what it counts from, a renewal's date, or a review's next day."""

    customer = internal(models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="+"))
    stage = internal(models.CharField(_("stage"), max_length=16, choices=LifeStage.choices))
    day = internal(models.DateField(_("day")))
    made_at = internal(models.DateTimeField(_("reached")))

    objects = BelongsToCustomerQuerySet.as_manager()
    history = history_table()

    class Meta:
        verbose_name, verbose_name_plural = _("stage"), _("stages")
        constraints = [
            models.UniqueConstraint(fields=["customer", "stage", "day"], name="life_mark_once"),
            models.CheckConstraint(condition=Q(stage__in=LifeStage.values), name="life_mark_stage_known"),
        ]

    def __str__(self) -> str:
        return f"{self.stage} {self.day}"
