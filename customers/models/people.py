"""Contacts and addresses of a customer."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from crm.core.classes import internal, personal
from crm.core.models import OrganisationModel, VersionedModel, history_table
from customers.choices import AddressKind, ContactRole, DecisionPower
from customers.models.account import Customer
from customers.querysets import BelongsToCustomerQuerySet


class Address(OrganisationModel, VersionedModel):
    """Where a customer is, bills, cooks or takes deliveries; one primary per kind."""

    customer = internal(models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="addresses"))
    kind = internal(
        models.CharField(_("kind"), max_length=14, choices=AddressKind.choices, default=AddressKind.DELIVERY)
    )
    is_primary = internal(models.BooleanField(_("primary"), default=True))
    street = internal(models.CharField(_("street"), max_length=120, blank=True))
    house_number = internal(models.CharField(_("house number"), max_length=20, blank=True))
    postcode = internal(models.CharField(_("postcode"), max_length=10, blank=True))
    city = internal(models.CharField(_("city"), max_length=80, blank=True))
    country = internal(models.CharField(_("country"), max_length=2, blank=True, default="DE"))
    latitude = internal(models.DecimalField(_("latitude"), max_digits=9, decimal_places=6, null=True, blank=True))
    longitude = internal(models.DecimalField(_("longitude"), max_digits=9, decimal_places=6, null=True, blank=True))

    objects = BelongsToCustomerQuerySet.as_manager()
    history = history_table()

    class Meta:
        verbose_name, verbose_name_plural = _("address"), _("addresses")
        ordering = ["-is_primary", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["customer", "kind"], condition=Q(is_primary=True), name="address_one_primary_a_kind"
            ),
            models.CheckConstraint(condition=Q(kind__in=AddressKind.values), name="address_kind_known"),
            models.CheckConstraint(
                condition=Q(latitude__isnull=True) | Q(latitude__range=(-90, 90)), name="address_latitude_range"
            ),
            models.CheckConstraint(
                condition=Q(longitude__isnull=True) | Q(longitude__range=(-180, 180)), name="address_longitude_range"
            ),
        ]
        indexes = [models.Index(fields=["organisation", "postcode", "customer"], name="address_by_postcode")]

    def __str__(self) -> str:
        return f"{self.street} {self.house_number}, {self.postcode} {self.city}".strip(" ,")


class Contact(OrganisationModel, VersionedModel):
    """A person who works for a customer."""

    customer = internal(models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="contacts"))
    first_name = personal(models.CharField(_("first name"), max_length=80, blank=True))
    last_name = personal(models.CharField(_("last name"), max_length=80))
    role = internal(models.CharField(_("role"), max_length=16, choices=ContactRole.choices, default=ContactRole.OTHER))
    decision_power = internal(
        models.CharField(_("decision power"), max_length=12, choices=DecisionPower.choices, blank=True)
    )
    phone = personal(models.CharField(_("phone"), max_length=20, blank=True))
    mobile = personal(models.CharField(_("mobile"), max_length=20, blank=True))
    email = personal(models.EmailField(_("e-mail"), blank=True))
    language = internal(models.CharField(_("language"), max_length=2, default="de"))
    birthday = personal(models.DateField(_("birthday"), null=True, blank=True))

    objects = BelongsToCustomerQuerySet.as_manager()
    history = history_table()

    class Meta:
        verbose_name, verbose_name_plural = _("contact"), _("contacts")
        ordering = ["last_name", "first_name", "pk"]
        constraints = [
            models.CheckConstraint(condition=Q(role__in=ContactRole.values), name="contact_role_known"),
            models.CheckConstraint(
                condition=Q(decision_power="") | Q(decision_power__in=DecisionPower.values), name="contact_power_known"
            ),
        ]
        indexes = [  # who has a contact like this: asked with the customer, and without
            models.Index(fields=["organisation", "decision_power", "customer"], name="contact_by_power"),
            models.Index(fields=["organisation", "role", "customer"], name="contact_by_role"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """First and last name."""
        return f"{self.first_name} {self.last_name}".strip()
