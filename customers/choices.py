"""Enumerations of customers. The values are wire names and never translated."""

from __future__ import annotations

from typing import Final

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class AccountType(TextChoices):
    """A company of its own, a chain, or one location of a chain."""

    INDEPENDENT = "INDEPENDENT", _("Independent")
    CHAIN = "CHAIN", _("Chain")
    LOCATION = "LOCATION", _("Location")


class CustomerStatus(TextChoices):
    """Where a customer stands; what may follow what is in transitions.py."""

    PROSPECT = "PROSPECT", _("Prospect")
    AKTIV = "AKTIV", _("Active")
    RISIKO = "RISIKO", _("At risk")
    INAKTIV = "INAKTIV", _("Inactive")
    ARCHIVIERT = "ARCHIVIERT", _("Archived")


class LifeStage(TextChoices):
    """What is told once in the life of a customer, and a manager's word to keep a prospect."""

    PROSPECT_WARNED = "PROSPECT_WARNED", _("Prospect warned of")
    REVIEW_REQUIRED = "REVIEW_REQUIRED", _("Review required")
    REVIEW_KEPT = "REVIEW_KEPT", _("Kept until")
    RENEWAL_90 = "RENEWAL_90", _("Renewal in 90 days")
    RENEWAL_30 = "RENEWAL_30", _("Renewal in 30 days")


class ReviewDecision(TextChoices):
    """What a manager says to a prospect who has not ordered for long."""

    KEEP = "keep", _("Keep")
    ARCHIVE = "archive", _("Archive")


class BusinessType(TextChoices):
    """What kind of house it is."""

    RESTAURANT = "RESTAURANT", _("Restaurant")
    HOTEL = "HOTEL", _("Hotel")
    CATERING = "CATERING", _("Catering")
    CANTEEN = "CANTEEN", _("Canteen")
    HOSPITAL = "HOSPITAL", _("Hospital")
    CARE_HOME = "CARE_HOME", _("Care home")
    SCHOOL = "SCHOOL", _("School")
    RETAIL = "RETAIL", _("Retail")
    ICE_CREAM = "ICE_CREAM", _("Ice-cream parlour")
    BEER_GARDEN = "BEER_GARDEN", _("Beer garden")
    OTHER = "OTHER", _("Other")


class KitchenSize(TextChoices):
    """How large the kitchen is."""

    SMALL = "SMALL", _("Small")
    MEDIUM = "MEDIUM", _("Medium")
    LARGE = "LARGE", _("Large")
    INDUSTRIAL = "INDUSTRIAL", _("Industrial")


class SeasonalPattern(TextChoices):
    """Templates of the season; CUSTOM is what none of them is."""

    SUMMER = "SUMMER", _("Summer (April to September)")
    WINTER = "WINTER", _("Winter (December to March)")
    ICE_CREAM = "ICE_CREAM", _("Ice cream (March to October)")
    BEER_GARDEN = "BEER_GARDEN", _("Beer garden (April to September)")
    SKI = "SKI", _("Ski (December to March)")
    CHRISTMAS = "CHRISTMAS", _("Christmas (November, December)")
    CUSTOM = "CUSTOM", _("Own months")


PATTERN_MONTHS: Final[dict[str, tuple[int, ...]]] = {
    SeasonalPattern.SUMMER: (4, 5, 6, 7, 8, 9),
    SeasonalPattern.WINTER: (1, 2, 3, 12),
    SeasonalPattern.ICE_CREAM: (3, 4, 5, 6, 7, 8, 9, 10),
    SeasonalPattern.BEER_GARDEN: (4, 5, 6, 7, 8, 9),
    SeasonalPattern.SKI: (1, 2, 3, 12),
    SeasonalPattern.CHRISTMAS: (11, 12),
}


class SeasonNow(TextChoices):
    """The season on the day of the projection."""

    ALL_YEAR = "ALL_YEAR", _("All year")
    IN_SEASON = "IN_SEASON", _("In season")
    PAUSED = "PAUSED", _("Season pause")


class AddressKind(TextChoices):
    """What an address is for."""

    BILLING = "BILLING", _("Billing")
    DELIVERY = "DELIVERY", _("Delivery")
    KITCHEN = "KITCHEN", _("Kitchen")
    HEADQUARTERS = "HEADQUARTERS", _("Headquarters")


class ContactRole(TextChoices):
    """What a contact does in the house."""

    HEAD_CHEF = "HEAD_CHEF", _("Head chef")
    PURCHASING = "PURCHASING", _("Purchasing")
    OWNER = "OWNER", pgettext_lazy("contact", "Owner")  # of the house, not whoever looks after it
    GENERAL_MANAGER = "GENERAL_MANAGER", _("General manager")
    CONTROLLING = "CONTROLLING", _("Controlling")
    OTHER = "OTHER", _("Other")


class DecisionPower(TextChoices):
    """What a contact has to say when it comes to buying."""

    DECIDER = "DECIDER", _("Decider")
    INFLUENCER = "INFLUENCER", _("Influencer")
    USER = "USER", _("User")
    GATEKEEPER = "GATEKEEPER", _("Gatekeeper")
    BLOCKER = "BLOCKER", _("Blocker")


class FieldEntity(TextChoices):
    """What a catalogue field belongs to."""

    CUSTOMER = "CUSTOMER", _("Customer")
    LOCATION = "LOCATION", _("Location")
    LEAD = "LEAD", _("Lead")
    CONTACT = "CONTACT", _("Contact")
    OPPORTUNITY = "OPPORTUNITY", _("Opportunity")


class FieldType(TextChoices):
    """The type of a catalogue field's values."""

    TEXT = "TEXT", _("Text")
    LONG_TEXT = "LONG_TEXT", _("Long text")
    INTEGER = "INTEGER", _("Whole number")
    DECIMAL = "DECIMAL", _("Decimal number")
    MONEY = "MONEY", _("Money")
    BOOLEAN = "BOOLEAN", _("Yes or no")
    DATE = "DATE", _("Date")
    CHOICE = "CHOICE", _("Choice")
    MULTI_CHOICE = "MULTI_CHOICE", _("Several choices")
    URL = "URL", _("Web address")
    EMAIL = "EMAIL", _("E-mail")
    PHONE = "PHONE", _("Phone")
    USER = "USER", _("User")


class Sensitivity(TextChoices):
    """Who may see a catalogue field's values."""

    PUBLIC = "PUBLIC", _("Public")
    INTERNAL = "INTERNAL", _("Internal")
    RESTRICTED = "RESTRICTED", _("Restricted")


class Bulk(TextChoices):
    """What is done with many customers in one go."""

    OWNER = "owner", _("Change the owner")
    TAG = "tag", _("Add a tag")
    UNTAG = "untag", _("Remove a tag")
    ARCHIVE = "archive", _("Archive")
    REOPEN = "reopen", _("Reopen")
    FIELD = "field", _("Set a field")
    DELETE = "delete", _("Delete")


class Refused(TextChoices):
    """Why one of many customers was left as he is; what a single one's refusal says, as a code."""

    NOT_THERE = "NOT_THERE", _("not there, or not visible")
    SHARED_FOR_READING = "SHARED_FOR_READING", _("shared for reading only")
    NOT_OWNER = "NOT_OWNER", _("only owner, team lead or manager decide this")
    OWNER_NOT_POSSIBLE = "OWNER_NOT_POSSIBLE", _("this person cannot be made owner here")
    STEP_NOT_POSSIBLE = "STEP_NOT_POSSIBLE", _("this status does not lead there")
    HAS_LOCATIONS = "HAS_LOCATIONS", _("the chain still has locations")


class SampleStatus(TextChoices):
    """Of the newest sample request that is neither cancelled nor rejected."""

    NONE = "NONE", _("No sample")
    REQUESTED = "REQUESTED", _("Requested")
    APPROVED = "APPROVED", _("Approved")
    SHIPPED = "SHIPPED", _("Shipped")
    DELIVERED = "DELIVERED", _("Delivered")
    FEEDBACK_PENDING = "FEEDBACK_PENDING", _("Feedback asked for")
    FEEDBACK_SUCCESS = "FEEDBACK_SUCCESS", _("Feedback: yes")
    FEEDBACK_NEUTRAL = "FEEDBACK_NEUTRAL", _("Feedback: open")
    FEEDBACK_FAILED = "FEEDBACK_FAILED", _("Feedback: no")


class RoiBucket(TextChoices):
    """Of the latest held ROI consultation."""

    NONE = "NONE", _("No consultation")
    LOW = "LOW", _("Low")
    MEDIUM = "MEDIUM", _("Medium")
    HIGH = "HIGH", _("High")


FIELD_GROUPS: Final = {
    "general": _("General"),
    "delivery": _("Delivery"),
    "range": _("Range"),
    "kitchen": _("Kitchen"),
    "purchasing": _("Purchasing"),
    "quality": _("Quality"),
    "contract": _("Contract"),
    "visit": _("Visit"),
}
"""Headings of the starter catalogue's groups, in the order of the pages; a manager may name others."""


class FilePurpose(TextChoices):
    """What a kept file is for."""

    EXPORT = "EXPORT", _("Export")
    IMPORT = "IMPORT", _("Import")
    REPORT = "REPORT", _("Notes on an import")


class FileFormat(TextChoices):
    """How a table is written."""

    CSV = "csv", _("CSV")
    XLSX = "xlsx", _("Excel (XLSX)")


class OnDuplicate(TextChoices):
    """What an import does with a row whose customer is there already."""

    SKIP = "skip", _("leave them as they are")
    UPDATE = "update", _("bring them up to date; an empty cell takes nothing away")
    CREATE = "create", _("create them once more")
