"""The forms of customers: shape is checked here, rules by the services. One form serves blur, save and dialog."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from django import forms
from django.db.models import QuerySet
from django.utils.dates import MONTHS_3
from django.utils.functional import lazystr
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from crm.core.access import Scope
from crm.core.errors import Invalid
from crm.core.forms import ServiceForm
from crm.core.phones import to_e164
from customers import services
from customers.choices import (
    PATTERN_MONTHS,
    AccountType,
    AddressKind,
    BusinessType,
    ContactRole,
    DecisionPower,
    KitchenSize,
    SeasonalPattern,
)
from customers.models import Address, Contact, Customer
from customers.services.accounts import PAINS
from organisation.choices import Role
from organisation.models import User

NOTHING: Final = "–"
YES_NO: Final = [("", NOTHING), ("true", gettext_lazy("Yes")), ("false", gettext_lazy("No"))]
MONTH_CHOICES: Final = [(month, lazystr(MONTHS_3[month])) for month in range(1, 13)]
LANGUAGES: Final = [("de", gettext_lazy("German")), ("en", gettext_lazy("English"))]


def labelled(choices: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """The choices, and before them none."""
    return [("", NOTHING), *choices]


def day_input() -> forms.DateInput:
    """A date by the browser's own picker."""
    return forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})


class GridForm(ServiceForm):
    """A form whose fields take a share of twelve columns; those not named take them all."""

    spans: ClassVar[dict[str, int]] = {}

    def cells(self) -> list[tuple[forms.BoundField, int]]:
        """The visible fields with their columns."""
        return [(control, self.spans.get(control.name, 12)) for control in self.visible_fields()]


class ActivateForm(GridForm):
    """The first delivered order, by hand."""

    order_number = forms.CharField(label=gettext_lazy("Order number?"), max_length=60, required=False)


class ReasonForm(GridForm):
    """A decision that stands in the history with its reason; the service refuses an empty one."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"), max_length=500, required=False, widget=forms.Textarea({"rows": 3})
    )


class OwnerForm(GridForm):
    """Who looks after the customer."""

    owner_id = forms.TypedChoiceField(label=gettext_lazy("Owner"), coerce=int, empty_value=None, required=False)
    reason = forms.CharField(
        label=gettext_lazy("Reason"), max_length=500, required=False, widget=forms.Textarea({"rows": 3})
    )

    def __init__(self, *args: Any, scope: Scope, customer: Customer, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        owners = services.possible_owners(scope, services.chain_of(customer))
        self.fields["owner_id"].choices = owner_choices(scope, owners, _("nobody (release)"))  # type: ignore[attr-defined]


class ChainForm(ServiceForm):
    """The chain that a location moves to."""

    chain_id = forms.IntegerField(
        label=gettext_lazy("Chain"),
        widget=forms.HiddenInput,
        error_messages={"required": gettext_lazy("Please choose a chain.")},
    )


def owner_choices(scope: Scope, owners: QuerySet[User], nobody: str) -> list[tuple[str, str]]:
    """Those whom the scope may make owner, himself first."""
    rows = owners.order_by("name").values_list("pk", "name") if scope.allows("customers.assign") else []
    people = sorted(rows, key=lambda row: row[0] != scope.user_id)
    named = [(str(pk), _("%(name)s (me)") % {"name": name} if pk == scope.user_id else name) for pk, name in people]
    return [("", nobody), *named]


class GrantForm(GridForm):
    """Share a customer with a colleague."""

    user_id = forms.TypedChoiceField(label=gettext_lazy("Colleague"), coerce=int)
    level = forms.ChoiceField(
        label=pgettext_lazy("right", "May"),
        choices=[("view", gettext_lazy("read")), ("change", gettext_lazy("read and change"))],
    )

    def __init__(self, *args: Any, scope: Scope, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = services.possible_readers(scope).exclude(pk=scope.user_id or 0).order_by("name")
        if scope.role == Role.CHAIN_MANAGER:
            self.fields["level"].choices = [("view", _("read"))]  # type: ignore[attr-defined]
        self.fields["user_id"].choices = labelled([(str(pk), name) for pk, name in people.values_list("pk", "name")])  # type: ignore[attr-defined]


class TagsForm(GridForm):
    """Tags, separated by commas, and beside them those that the user saw when he began."""

    names = forms.CharField(
        label=gettext_lazy("Tags"), required=False, help_text=gettext_lazy("Separated by commas."), max_length=400
    )

    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def clean_names(self) -> list[str]:
        """The tags as a list."""
        return _split(self.cleaned_data["names"])

    def clean_seen(self) -> list[str] | None:
        """The tags that the user saw; None where the form did not say."""
        return _split(self.cleaned_data["seen"]) if "seen" in self.data else None


class PainsForm(GridForm):
    """What hurts in the house."""

    spans = dict.fromkeys((name for name in PAINS if name != "pain_notes"), 6)

    pain_notes = forms.CharField(
        label=gettext_lazy("Notes"), required=False, max_length=4000, widget=forms.Textarea({"rows": 4})
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        flags = [name for name in PAINS if name != "pain_notes"]
        for name in flags:
            label = Customer._meta.get_field(name).verbose_name  # type: ignore[union-attr]
            self.fields[name] = forms.BooleanField(label=str(label).capitalize(), required=False)
        self.order_fields([*flags, "pain_notes"])


class SeasonForm(ServiceForm):
    """Season: the switch and the months; the pattern follows from the months."""

    is_seasonal_business = forms.BooleanField(label=gettext_lazy("Seasonal business"), required=False)
    seasonal_months = forms.TypedMultipleChoiceField(
        label=gettext_lazy("Months in season"),
        choices=MONTH_CHOICES,
        coerce=int,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    def clean(self) -> dict[str, Any]:
        """The pattern of these months; a pattern there already stays where its months are the same."""
        data = super().clean() or self.cleaned_data
        months = data.get("seasonal_months", [])
        data["seasonal_pattern"] = pattern_of(months, prefer=self.initial.get("seasonal_pattern", "")) if months else ""
        return data


def pattern_of(months: list[int], prefer: str = "") -> str:
    """The template with exactly these months, `prefer` where several have them, else CUSTOM."""
    same = [pattern for pattern, its in PATTERN_MONTHS.items() if set(its) == set(months)]
    return prefer if prefer in same else (same or [SeasonalPattern.CUSTOM])[0]


class ContactForm(GridForm):
    """A person who works for the customer."""

    spans = dict.fromkeys(
        ("first_name", "last_name", "role", "decision_power", "phone", "mobile", "language", "birthday"), 6
    )

    first_name = forms.CharField(label=gettext_lazy("First name"), max_length=80, required=False)
    last_name = forms.CharField(label=gettext_lazy("Last name"), max_length=80)
    role = forms.ChoiceField(label=gettext_lazy("Role"), choices=ContactRole.choices, initial=ContactRole.OTHER)
    decision_power = forms.ChoiceField(
        label=gettext_lazy("Decision power"), choices=labelled(DecisionPower.choices), required=False
    )
    phone = forms.CharField(
        label=gettext_lazy("Phone"), max_length=40, required=False, widget=forms.TextInput({"type": "tel"})
    )
    mobile = forms.CharField(
        label=gettext_lazy("Mobile"), max_length=40, required=False, widget=forms.TextInput({"type": "tel"})
    )
    email = forms.EmailField(label=gettext_lazy("E-mail"), required=False)
    language = forms.ChoiceField(label=gettext_lazy("Language"), choices=LANGUAGES, initial="de")
    birthday = forms.DateField(label=gettext_lazy("Birthday"), required=False, widget=day_input())

    @staticmethod
    def initial_of(contact: Contact) -> dict[str, Any]:
        """What the form begins with for a contact that is there."""
        return {name: getattr(contact, name) for name in ContactForm.base_fields}


class AddressForm(GridForm):
    """Where the customer is, bills, cooks or takes deliveries."""

    spans: ClassVar[dict[str, int]] = {"street": 8, "house_number": 4, "postcode": 4, "city": 8, "country": 4}

    kind = forms.ChoiceField(label=gettext_lazy("Kind"), choices=AddressKind.choices, initial=AddressKind.DELIVERY)
    street = forms.CharField(label=gettext_lazy("Street"), max_length=120, required=False)
    house_number = forms.CharField(label=gettext_lazy("House number"), max_length=20, required=False)
    postcode = forms.CharField(label=gettext_lazy("Postcode"), max_length=10, required=False)
    city = forms.CharField(label=gettext_lazy("City"), max_length=80, required=False)
    country = forms.CharField(label=gettext_lazy("Country"), max_length=2, min_length=2, initial="DE")
    is_primary = forms.BooleanField(label=gettext_lazy("Primary of its kind"), required=False, initial=True)

    def clean_country(self) -> str:
        """Two capital letters."""
        return str(self.cleaned_data["country"]).upper()

    def clean(self) -> dict[str, Any]:
        """A German postcode has five digits."""
        data = super().clean() or self.cleaned_data
        check_postcode(self, data)
        return data

    @staticmethod
    def initial_of(address: Address) -> dict[str, Any]:
        """What the form begins with for an address that is there."""
        return {name: getattr(address, name) for name in AddressForm.base_fields}


def check_postcode(form: forms.Form, data: dict[str, Any]) -> None:
    """German postcodes have five digits; the message says what is right and what is here."""
    code = data.get("postcode") or ""
    if code and data.get("country", "DE") == "DE" and not (len(code) == 5 and code.isascii() and code.isdecimal()):
        here = sum(sign.isascii() and sign.isdecimal() for sign in code)
        form.add_error("postcode", _("5 digits, here %(here)d") % {"here": here})


class CustomerForm(ServiceForm):
    """A new customer, with its address, season and first contact."""

    company_name = forms.CharField(label=gettext_lazy("Company name"), max_length=200)
    business_type = forms.ChoiceField(
        label=gettext_lazy("Business type"),
        choices=labelled(BusinessType.choices),
        error_messages={"required": gettext_lazy("Please choose.")},
    )
    account_type = forms.ChoiceField(
        label=gettext_lazy("Kind of account"),
        choices=AccountType.choices,
        initial=AccountType.INDEPENDENT,
        widget=forms.RadioSelect,
    )
    chain_id = forms.IntegerField(label=gettext_lazy("Chain"), required=False, widget=forms.HiddenInput)
    owner_id = forms.TypedChoiceField(label=gettext_lazy("Owner"), coerce=int, empty_value=None, required=False)
    vat_id = forms.CharField(label=gettext_lazy("VAT id"), max_length=20, required=False)
    kitchen_size = forms.ChoiceField(
        label=gettext_lazy("Kitchen size"), choices=labelled(KitchenSize.choices), required=False
    )

    street = AddressForm.base_fields["street"]
    house_number = AddressForm.base_fields["house_number"]
    postcode = AddressForm.base_fields["postcode"]
    city = AddressForm.base_fields["city"]
    country = forms.CharField(label=gettext_lazy("Country"), max_length=2, min_length=2, initial="DE", required=False)
    phone = forms.CharField(
        label=gettext_lazy("Phone"), max_length=40, required=False, widget=forms.TextInput({"type": "tel"})
    )
    email = forms.EmailField(label=gettext_lazy("E-mail"), required=False)
    website = forms.URLField(label=gettext_lazy("Website"), max_length=300, required=False, assume_scheme="https")

    is_seasonal_business = SeasonForm.base_fields["is_seasonal_business"]
    seasonal_months = SeasonForm.base_fields["seasonal_months"]

    contact_first_name = forms.CharField(label=gettext_lazy("First name"), max_length=80, required=False)
    contact_last_name = forms.CharField(label=gettext_lazy("Last name"), max_length=80, required=False)
    contact_role = forms.ChoiceField(
        label=gettext_lazy("Role"), choices=ContactRole.choices, initial=ContactRole.OTHER, required=False
    )
    contact_phone = forms.CharField(
        label=gettext_lazy("Phone"), max_length=40, required=False, widget=forms.TextInput({"type": "tel"})
    )
    contact_email = forms.EmailField(label=gettext_lazy("E-mail"), required=False)

    def __init__(self, *args: Any, scope: Scope, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.scope = scope
        nobody = _("nobody yet") if scope.sees_all else _("me")
        # Which chain it will be is not known yet: the service refuses a colleague outside the chains that one manages.
        owners = services.possible_owners(scope, next(iter(scope.changeable_ids), None))
        self.fields["owner_id"].choices = owner_choices(scope, owners, nobody)  # type: ignore[attr-defined]
        self.fields["postcode"].widget.attrs["inputmode"] = "numeric"
        self.fields["company_name"].widget.attrs["autocomplete"] = "organization"
        if not scope.allows("customers.add_location"):
            kinds = [choice for choice in AccountType.choices if choice[0] != AccountType.LOCATION]
            self.fields["account_type"].choices = kinds  # type: ignore[attr-defined]

    def clean_phone(self) -> str:
        """A number that can exist."""
        return _phone(self.cleaned_data["phone"])

    def clean_contact_phone(self) -> str:
        """A number that can exist."""
        return _phone(self.cleaned_data["contact_phone"])

    def clean(self) -> dict[str, Any]:
        """What hangs together: location and chain, season and months, contact and his name."""
        data = super().clean() or self.cleaned_data
        check_postcode(self, {**data, "country": (data.get("country") or "DE").upper()})
        if data.get("account_type") == AccountType.LOCATION and not data.get("chain_id") and "account_type" in data:
            self.add_error("chain_id", _("A location needs its chain."))
        if data.get("account_type") != AccountType.LOCATION:
            data["chain_id"] = None
        if data.get("is_seasonal_business") and not data.get("seasonal_months"):
            self.add_error("seasonal_months", _("A seasonal business needs at least one month in season."))
        named = data.get("contact_first_name") or data.get("contact_phone") or data.get("contact_email")
        if named and not data.get("contact_last_name") and "contact_last_name" not in self.errors:
            self.add_error("contact_last_name", _("A contact needs a last name."))
        return data

    def values(self) -> dict[str, Any]:
        """The account's own columns."""
        names = ("company_name", "business_type", "kitchen_size", "vat_id", "phone", "email", "website")
        data = {name: self.cleaned_data[name] for name in names}
        if self.cleaned_data["is_seasonal_business"]:
            months = sorted(self.cleaned_data["seasonal_months"])
            pattern = pattern_of(
                months, prefer=data["business_type"]
            )  # beer gardens and ice-cream parlours have their own
            data |= {"is_seasonal_business": True, "seasonal_pattern": pattern, "seasonal_months": months}
        return data

    def address(self) -> dict[str, Any]:
        """The first address, empty where nothing was typed."""
        names = ("street", "house_number", "postcode", "city")
        data = {name: self.cleaned_data[name] for name in names}
        return {**data, "country": (self.cleaned_data["country"] or "DE").upper()} if any(data.values()) else {}

    def contact(self) -> dict[str, Any]:
        """The first contact, empty where nobody was named."""
        if not self.cleaned_data["contact_last_name"]:
            return {}
        names = ("first_name", "last_name", "role", "phone", "email")
        data = {name: self.cleaned_data[f"contact_{name}"] for name in names}
        return {**data, "role": data["role"] or ContactRole.OTHER}


def _split(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _phone(text: str) -> str:
    """As typed, once it is a possible number; the service stores E.164. Raises ValidationError."""
    try:
        to_e164(text)
    except Invalid as error:
        raise forms.ValidationError(error.message) from error
    return text
