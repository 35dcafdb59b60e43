"""The account itself, its tags, external keys and grants."""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Func, Q
from django.utils.translation import gettext_lazy as _
from guardian.models import UserObjectPermissionBase

from crm.core.access import OrganisationQuerySet
from crm.core.classes import internal, personal
from crm.core.models import OrganisationModel, TrashableModel, VersionedModel, history_table
from customers.choices import AccountType, BusinessType, CustomerStatus, KitchenSize, SeasonalPattern
from customers.querysets import BelongsToCustomerQuerySet, CustomerQuerySet


def _flag(label: Any) -> models.BooleanField[bool, bool]:
    return internal(models.BooleanField(label, default=False))


class Customer(OrganisationModel, VersionedModel, TrashableModel):
    """A company we sell to or have won. A chain's locations are accounts of their own; there is no deeper nesting."""

    customer_number = internal(models.CharField(_("number"), max_length=20, editable=False))
    company_name = internal(models.CharField(_("company"), max_length=200))
    trading_name = internal(models.CharField(_("trading name"), max_length=200, blank=True))
    name_key = internal(
        models.GeneratedField(
            expression=Func(F("company_name"), function="crm_fold"),
            output_field=models.TextField(db_collation="C"),
            db_persist=True,
        )
    )
    account_type = internal(
        models.CharField(_("account type"), max_length=12, choices=AccountType.choices, default=AccountType.INDEPENDENT)
    )
    chain = internal(
        models.ForeignKey(
            "self", on_delete=models.PROTECT, null=True, blank=True, related_name="locations", verbose_name=_("chain")
        )
    )
    status = internal(
        models.CharField(
            _("status"), max_length=12, choices=CustomerStatus.choices, default=CustomerStatus.PROSPECT, editable=False
        )
    )
    status_since = internal(models.DateTimeField(_("status since"), editable=False))
    owner = internal(
        models.ForeignKey(
            "organisation.User",
            on_delete=models.PROTECT,
            null=True,
            blank=True,
            related_name="+",
            verbose_name=_("owner"),
            help_text=_("Without an owner only managers and administrators see the customer."),
        )
    )
    business_type = internal(
        models.CharField(_("business type"), max_length=20, choices=BusinessType.choices, default=BusinessType.OTHER)
    )
    kitchen_size = internal(models.CharField(_("kitchen size"), max_length=12, choices=KitchenSize.choices, blank=True))
    employee_count = internal(models.PositiveIntegerField(_("employees"), null=True, blank=True))
    branch_count = internal(models.PositiveIntegerField(_("branches"), null=True, blank=True))
    is_chain = _flag(_("has several houses"))

    pain_staff_shortage = _flag(_("staff shortage"))
    pain_high_costs = _flag(_("high costs"))
    pain_food_waste = _flag(_("food waste"))
    pain_quality_inconsistency = _flag(_("uneven quality"))
    pain_time_pressure = _flag(_("time pressure"))
    pain_supplier_quality = _flag(_("supplier's quality"))
    pain_unreliable_delivery = _flag(_("unreliable delivery"))
    pain_poor_service = _flag(_("poor service"))
    pain_notes = internal(models.TextField(_("notes on pains"), blank=True, max_length=4000))

    estimated_volume = internal(
        models.DecimalField(
            _("estimated volume"),
            max_digits=12,
            decimal_places=2,
            null=True,
            blank=True,
            validators=[MinValueValidator(0)],
        )
    )
    expected_annual_volume = internal(
        models.DecimalField(
            _("expected annual volume"),
            max_digits=12,
            decimal_places=2,
            null=True,
            blank=True,
            validators=[MinValueValidator(0)],
        )
    )
    actual_annual_volume = internal(
        models.DecimalField(
            _("actual annual volume"), max_digits=12, decimal_places=2, null=True, blank=True, editable=False
        )
    )
    renewal_date = internal(models.DateField(_("renewal date"), null=True, blank=True))

    phone = personal(models.CharField(_("phone"), max_length=20, blank=True))
    email = personal(models.EmailField(_("e-mail"), blank=True))
    website = internal(models.URLField(_("website"), blank=True, max_length=300))
    vat_id = internal(models.CharField(_("VAT id"), max_length=20, blank=True))
    legal_form = internal(models.CharField(_("legal form"), max_length=40, blank=True))
    is_natural_person = internal(
        models.BooleanField(
            _("sole trader"), default=False, help_text=_("The rows of a sole trader are personal data.")
        )
    )
    xentral_customer_id = internal(models.CharField(_("Xentral id"), max_length=40, blank=True, editable=False))
    source = internal(models.CharField(_("source"), max_length=40, blank=True))

    last_order_at = internal(models.DateTimeField(_("last order"), null=True, blank=True, editable=False))
    last_contact_at = internal(models.DateTimeField(_("last contact"), null=True, blank=True, editable=False))
    activated_at = internal(models.DateTimeField(_("activated"), null=True, blank=True, editable=False))
    activated_by = internal(
        models.ForeignKey(
            "organisation.User",
            on_delete=models.PROTECT,
            null=True,
            blank=True,
            editable=False,
            related_name="+",
            verbose_name=_("activated by"),
        )
    )
    first_order_number = internal(models.CharField(_("first order number"), max_length=60, blank=True, editable=False))
    merged_into = internal(
        models.ForeignKey(
            "self",
            on_delete=models.CASCADE,
            null=True,
            editable=False,
            db_index=False,
            related_name="merged",
            verbose_name=_("merged into"),
        )
    )

    is_seasonal_business = internal(models.BooleanField(_("seasonal business"), default=False))
    seasonal_months = internal(
        ArrayField(models.PositiveSmallIntegerField(), default=list, blank=True, verbose_name=_("months in season"))
    )
    seasonal_pattern = internal(
        models.CharField(_("season pattern"), max_length=12, choices=SeasonalPattern.choices, blank=True)
    )

    tags = internal(models.ManyToManyField("customers.Tag", through="customers.CustomerTag", verbose_name=_("tags")))

    objects = CustomerQuerySet.as_manager()
    history = history_table(
        without=["name_key"], unindexed=["owner", "chain", "deleted_by", "activated_by", "merged_into"]
    )

    class Meta:
        verbose_name, verbose_name_plural = _("customer"), _("customers")
        ordering = ["name_key", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["organisation", "customer_number"], name="customer_number_once"),
            models.UniqueConstraint(
                fields=["organisation", "xentral_customer_id"],
                condition=~Q(xentral_customer_id="") & Q(deleted_at=None),
                name="customer_xentral_once",
            ),
            models.CheckConstraint(condition=Q(status__in=CustomerStatus.values), name="customer_status_known"),
            models.CheckConstraint(condition=Q(account_type__in=AccountType.values), name="customer_type_known"),
            models.CheckConstraint(condition=Q(business_type__in=BusinessType.values), name="customer_business_known"),
            models.CheckConstraint(
                condition=Q(account_type=AccountType.LOCATION, chain__isnull=False)
                | (~Q(account_type=AccountType.LOCATION) & Q(chain__isnull=True)),
                name="customer_location_has_chain",
            ),
            models.CheckConstraint(
                condition=Q(is_seasonal_business=False) | Q(seasonal_months__len__range=(1, 12)),
                name="customer_season_has_months",
            ),
            models.CheckConstraint(
                condition=Q(seasonal_months__contained_by=list(range(1, 13))), name="customer_season_months_known"
            ),
            models.CheckConstraint(
                condition=Q(merged_into=None) | Q(deleted_at__isnull=False), name="customer_merged_is_put_away"
            ),
        ]
        indexes = [
            models.Index(fields=["organisation", "owner"], name="customer_by_owner"),
            models.Index(fields=["organisation", "name_key"], name="customer_by_name"),
            models.Index(fields=["chain"], name="customer_by_chain", condition=Q(chain__isnull=False)),
            models.Index(
                fields=["organisation", "deleted_at"], name="customer_trash", condition=Q(deleted_at__isnull=False)
            ),
            models.Index(fields=["merged_into"], name="customer_merged", condition=Q(merged_into__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.company_name


class Tag(OrganisationModel):
    """A word that customers are marked with."""

    name = internal(models.CharField(_("tag"), max_length=40))

    objects = OrganisationQuerySet["Tag"].as_manager()

    class Meta:
        verbose_name, verbose_name_plural = _("tag"), _("tags")
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["organisation", "name"], name="tag_once")]

    def __str__(self) -> str:
        return self.name


class CustomerTag(OrganisationModel):
    """One tag on one customer."""

    customer = internal(models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="+"))
    tag = internal(models.ForeignKey(Tag, on_delete=models.PROTECT, related_name="+"))

    objects = BelongsToCustomerQuerySet.as_manager()
    history = history_table()

    class Meta:
        verbose_name, verbose_name_plural = _("tag on customer"), _("tags on customers")
        constraints = [models.UniqueConstraint(fields=["customer", "tag"], name="customer_tag_once")]
        indexes = [models.Index(fields=["tag", "customer"], name="customer_tag_by_tag")]

    def __str__(self) -> str:
        return str(self.tag_id)


class ExternalKey(OrganisationModel):
    """What another system calls this customer. A re-import finds the survivor of a merge by it."""

    customer = internal(models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="external_keys"))
    source = internal(models.CharField(_("source"), max_length=40))
    key = internal(models.CharField(_("key"), max_length=120))

    objects = BelongsToCustomerQuerySet.as_manager()
    history = history_table()

    class Meta:
        verbose_name, verbose_name_plural = _("external key"), _("external keys")
        constraints = [models.UniqueConstraint(fields=["organisation", "source", "key"], name="external_key_once")]

    def __str__(self) -> str:
        return f"{self.source}:{self.key}"


class CustomerUserPermission(UserObjectPermissionBase):
    """A grant: `view` or `change` on one account; on a CHAIN it covers its LOCATIONs, also those added later."""

    content_object = internal(models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="+"))

    history = history_table()

    class Meta(UserObjectPermissionBase.Meta):
        verbose_name, verbose_name_plural = _("grant"), _("grants")


for _field in ("user", "permission"):
    internal(CustomerUserPermission._meta.get_field(_field))  # type: ignore[type-var]
