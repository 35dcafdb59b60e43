"""What lists read: one narrow row per customer, and the words that search finds him by. Written by triggers alone."""

from __future__ import annotations

from typing import Final

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from crm.core.classes import internal, personal
from crm.core.models import OrganisationModel
from customers.choices import RoiBucket, SampleStatus
from customers.models.account import Customer
from customers.models.people import Contact
from customers.querysets import CustomerFigureQuerySet, CustomerHotQuerySet, CustomerWordQuerySet, VocabularyQuerySet

TEXT_SLOTS: Final = tuple(f"hot_text_{n}" for n in range(1, 17))
NUMBER_SLOTS: Final = tuple(f"hot_number_{n}" for n in range(1, 11))
DATE_SLOTS: Final = tuple(f"hot_date_{n}" for n in range(1, 7))

# What most filters and the policies compare lies in every sort's index: a page whose rows are rare in that order is
# found by reading the index alone. All of it is indexed anyway, so a write pays nothing more.
FILTERED: Final = (
    "owner",
    "chain_id",
    "status",
    "business_type",
    "sample_status",
    "roi_bucket",
    "renewal_date",
    "account_type",
    "season_now",
)
# The owner's index holds all that lists sort by: the rows of a rep or a team are gathered and sorted from it alone.
SORTED: Final = (
    "name_key",
    "status",
    "business_type",
    "sample_status",
    "roi_bucket",
    "renewal_date",
    "last_contact_at",
    "last_order_at",
    "next_appointment_at",
    "open_opportunity_cents",
    "season_now",
    "city_key",
    "postcode",
    "customer_number",
    "account_type",
    "kitchen_size",
    "lead_source",
    "created_at",
    "expected_volume_cents",
    "actual_volume_cents",
    "chain_id",
)


# Rows of one town stand together in the order of postcodes, and the other way round (`Listing.together`): they are gathered by
# the one and sorted by the other from the index alone.
PLACES: Final = {"city_key": "postcode", "postcode": "city_key"}


def _beside(column: str) -> list[str]:
    if column == "owner":
        return list(SORTED)
    return [*(name for name in FILTERED if name != column), *([PLACES[column]] if column in PLACES else ())]


class CustomerHot(models.Model):
    """The hot projection: narrow columns of types whose comparisons use an index under row-level security.

    Money is bigint cents, numbers of slots are bigint times 10,000. Customers in the trash have no row.
    """

    customer = internal(models.OneToOneField(Customer, on_delete=models.CASCADE, primary_key=True, related_name="hot"))
    organisation = internal(
        models.ForeignKey("organisation.Organisation", on_delete=models.PROTECT, related_name="+", db_index=False)
    )
    owner = internal(
        models.ForeignKey(
            "organisation.User",
            on_delete=models.DO_NOTHING,
            null=True,
            related_name="+",
            db_index=False,
            db_constraint=False,
            verbose_name=_("owner"),
        )
    )
    chain_id = internal(models.BigIntegerField(_("chain"), null=True))
    account_type = internal(models.TextField(_("account type"), db_collation="C"))
    status = internal(models.TextField(_("status"), db_collation="C"))
    business_type = internal(models.TextField(_("business type"), db_collation="C"))
    kitchen_size = internal(models.TextField(_("kitchen size"), null=True, db_collation="C"))
    name_key = internal(models.TextField(_("company"), db_collation="C"))
    customer_number = internal(models.TextField(_("number"), db_collation="C"))
    city = internal(models.TextField(_("city"), null=True))
    city_key = internal(models.TextField(_("city"), null=True, db_collation="C"))
    postcode = internal(models.TextField(_("postcode"), null=True, db_collation="C"))
    season_now = internal(models.TextField(_("season"), db_collation="C"))
    renewal_date = internal(models.DateField(_("renewal date"), null=True))
    last_contact_at = internal(models.DateTimeField(_("last contact"), null=True))
    last_order_at = internal(models.DateTimeField(_("last order"), null=True))
    lead_source = internal(models.TextField(_("source"), null=True, db_collation="C"))
    created_at = internal(models.DateTimeField(_("created")))
    expected_volume_cents = internal(models.BigIntegerField(_("expected annual volume"), null=True))
    actual_volume_cents = internal(models.BigIntegerField(_("actual annual volume"), null=True))
    fields = internal(models.JSONField(_("catalogue fields"), default=dict))
    projected_at = internal(models.DateTimeField(_("projected")))

    # Fed by the areas that own the facts, through their own triggers.
    sample_status = internal(models.TextField(_("sample status"), db_default=SampleStatus.NONE, db_collation="C"))
    roi_bucket = internal(models.TextField(_("ROI"), db_default=RoiBucket.NONE, db_collation="C"))
    next_appointment_at = internal(models.DateTimeField(_("next appointment"), null=True))
    open_opportunity_cents = internal(models.BigIntegerField(_("open opportunity value"), db_default=0))

    objects = CustomerHotQuerySet.as_manager()

    class Meta:
        verbose_name, verbose_name_plural = _("hot projection"), _("hot projection")
        indexes = [
            *(
                models.Index(
                    fields=["organisation", column, "customer"], include=_beside(column), name=f"hot_by_{name}"
                )
                for name, column in (
                    ("name", "name_key"),
                    ("owner", "owner"),
                    ("status", "status"),
                    ("business", "business_type"),
                    ("sample", "sample_status"),
                    ("roi", "roi_bucket"),
                    ("renewal", "renewal_date"),
                    ("contact", "last_contact_at"),
                    ("order", "last_order_at"),
                    ("appointment", "next_appointment_at"),
                    ("opportunity", "open_opportunity_cents"),
                    ("season", "season_now"),
                    ("town", "city_key"),
                    ("place", "postcode"),
                    ("number", "customer_number"),
                    ("type", "account_type"),
                    ("kitchen", "kitchen_size"),
                    ("source", "lead_source"),
                    ("created", "created_at"),
                    ("expected", "expected_volume_cents"),
                    ("actual", "actual_volume_cents"),
                )
            ),
            models.Index(fields=["organisation", "chain_id"], name="hot_by_chain", condition=Q(chain_id__isnull=False)),
            models.Index(fields=["projected_at"], name="hot_by_projection"),
            *(
                models.Index(
                    fields=["organisation", slot, "customer"],
                    name=f"{slot}_ix",
                    condition=Q(**{f"{slot}__isnull": False}),
                )
                for slot in (*TEXT_SLOTS, *NUMBER_SLOTS, *DATE_SLOTS)
            ),
        ]

    def __str__(self) -> str:
        return self.customer_number


for _slot in TEXT_SLOTS:
    internal(models.TextField(null=True, db_collation="C")).contribute_to_class(CustomerHot, _slot)
for _slot in NUMBER_SLOTS:
    internal(models.BigIntegerField(null=True)).contribute_to_class(CustomerHot, _slot)
for _slot in DATE_SLOTS:
    internal(models.DateField(null=True)).contribute_to_class(CustomerHot, _slot)


class CustomerWord(OrganisationModel):
    """One folded word of a customer's name, number, town or postcode. Copies owner and chain, so that the wall is an index.

    Triggers alone write it: they take the words away before their customer goes.
    """

    customer = internal(models.ForeignKey(Customer, on_delete=models.DO_NOTHING, related_name="+", db_index=False))
    owner_id = internal(models.BigIntegerField(_("owner"), null=True))
    chain_id = internal(models.BigIntegerField(_("chain"), null=True))
    word = personal(models.TextField(_("word"), db_collation="C"))

    objects = CustomerWordQuerySet.as_manager()

    class Meta:
        verbose_name, verbose_name_plural = _("search word"), _("search words")
        constraints = [models.UniqueConstraint(fields=["customer", "word"], name="customer_word_once")]
        indexes = [
            # With what the policy compares beside it, a frequent word is read from the index alone.
            models.Index(
                fields=["organisation", "word", "customer"],
                include=["owner_id", "chain_id"],
                name="customer_word_by_word",
            ),
            models.Index(fields=["organisation", "owner_id", "word"], name="customer_word_by_owner"),
        ]

    def __str__(self) -> str:
        return self.word


class ContactWord(OrganisationModel):
    """What a contact is found by: a folded word of the name, the folded e-mail address, its host behind an @, a phone's digits.

    Copies customer, owner and chain, so that the wall is an index. Triggers alone write it.
    """

    contact = internal(models.ForeignKey(Contact, on_delete=models.DO_NOTHING, related_name="+", db_index=False))
    customer_id = internal(models.BigIntegerField(_("customer")))
    owner_id = internal(models.BigIntegerField(_("owner"), null=True))
    chain_id = internal(models.BigIntegerField(_("chain"), null=True))
    word = personal(models.TextField(_("word"), db_collation="C"))

    objects = CustomerWordQuerySet.as_manager()

    class Meta:
        verbose_name, verbose_name_plural = _("search word of a contact"), _("search words of contacts")
        constraints = [models.UniqueConstraint(fields=["contact", "word"], name="contact_word_once")]
        indexes = [
            # All that the policy compares stands in both: whoever asks, a page of hits is the beginning of one index.
            models.Index(
                fields=["organisation", "word", "contact"],
                include=["owner_id", "chain_id", "customer_id"],
                name="contact_word_by_word",
            ),
            models.Index(
                fields=["organisation", "owner_id", "word", "contact"],
                include=["chain_id", "customer_id"],
                name="contact_word_by_owner",
            ),
            models.Index(fields=["customer_id", "word"], name="contact_word_by_customer"),
        ]

    def __str__(self) -> str:
        return self.word


class VocabularyWord(OrganisationModel):
    """The distinct words of an organisation, of customers and of their contacts' names, with a trigram index: where a
    mistyped word finds the right one."""

    word = personal(models.TextField(_("word"), db_collation="C"))

    objects = VocabularyQuerySet.as_manager()

    class Meta:
        verbose_name, verbose_name_plural = _("vocabulary"), _("vocabulary")
        constraints = [models.UniqueConstraint(fields=["organisation", "word"], name="vocabulary_word_once")]

    def __str__(self) -> str:
        return self.word


class CustomerFigure(OrganisationModel):
    """A figure of the dashboard over the customers of one owner, or of nobody, as a job counted it in a large organisation."""

    owner_id = internal(models.BigIntegerField(_("owner"), null=True))
    key = internal(models.CharField(_("figure"), max_length=40))
    number = internal(models.BigIntegerField(_("customers")))
    counted_at = internal(models.DateTimeField(_("counted")))

    objects = CustomerFigureQuerySet.as_manager()

    class Meta:
        verbose_name, verbose_name_plural = _("figure"), _("figures")
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "owner_id", "key"], nulls_distinct=False, name="customer_figure_once"
            )
        ]

    def __str__(self) -> str:
        return self.key
