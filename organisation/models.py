"""Organisations, teams, users, number ranges, one-time links."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser, PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MinLengthValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower, Now
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from crm.core.classes import internal, personal, public, restricted
from crm.core.models import HistoryRow, OrganisationModel, VersionedModel
from organisation.choices import Language, LinkPurpose, Role
from organisation.querysets import OneTimeLinkQuerySet, OrganisationsQuerySet, TeamQuerySet, UserManager


def history_table() -> HistoricalRecords:
    """The history table of a model: filled by triggers, so without the library's own signals and user lookups."""
    return HistoricalRecords(bases=[HistoryRow], user_db_constraint=False)


class Organisation(VersionedModel):
    """The company that uses the product; every row belongs to one."""

    name = public(models.CharField(_("name"), max_length=120, validators=[MinLengthValidator(2)]))
    zone = internal(models.CharField(_("time zone"), max_length=40, default="Europe/Berlin"))
    language = internal(models.CharField(_("language"), max_length=2, choices=Language.choices, default=Language.DE))
    is_demo = internal(models.BooleanField(_("demo"), default=False, editable=False))

    objects = OrganisationsQuerySet.as_manager()
    history = history_table()

    class Meta:
        verbose_name, verbose_name_plural = _("organisation"), _("organisations")

    def __str__(self) -> str:
        return self.name


class Team(OrganisationModel, VersionedModel):
    """Users with one or more leads; teams do not nest."""

    name = internal(models.CharField(_("name"), max_length=80))
    leads = internal(
        models.ManyToManyField("organisation.User", related_name="led_teams", blank=True, verbose_name=_("team leads"))
    )
    postcode_regions = internal(
        ArrayField(
            models.CharField(max_length=5),
            default=list,
            blank=True,
            verbose_name=_("postcode regions"),
            help_text=_("Beginnings of postcodes, for example 10, 12, 14."),
        )
    )

    objects = TeamQuerySet.as_manager()
    history = history_table()

    class Meta:
        verbose_name, verbose_name_plural = _("team"), _("teams")
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["organisation", "name"], name="team_name_once")]

    def __str__(self) -> str:
        return self.name


class User(AbstractBaseUser, PermissionsMixin, OrganisationModel, VersionedModel):
    """A person who signs in. In one organisation and at most one team; nobody stands above organisations."""

    last_login = None  # each sign-in would be a history row; sessions tell who is signed in
    email = personal(models.EmailField(_("e-mail")))
    name = personal(models.CharField(_("name"), max_length=120))
    team = internal(
        models.ForeignKey(
            Team, on_delete=models.SET_NULL, null=True, blank=True, related_name="members", verbose_name=_("team")
        )
    )
    role = internal(models.CharField(_("role"), max_length=20, choices=Role.choices, default=Role.REP))
    language = internal(models.CharField(_("language"), max_length=2, choices=Language.choices, default=Language.DE))
    phone = personal(models.CharField(_("phone"), max_length=20, blank=True))
    is_active = internal(models.BooleanField(_("active"), default=True))
    added_rights = internal(
        ArrayField(models.CharField(max_length=40), default=list, blank=True, verbose_name=_("added rights"))
    )
    withdrawn_rights = internal(
        ArrayField(models.CharField(max_length=40), default=list, blank=True, verbose_name=_("withdrawn rights"))
    )

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ["name"]

    objects = UserManager()
    history = HistoricalRecords(bases=[HistoryRow], user_db_constraint=False, excluded_fields=["password"])

    class Meta:
        verbose_name, verbose_name_plural = _("user"), _("users")
        ordering = ["name", "pk"]
        constraints = [
            models.UniqueConstraint(Lower("email"), name="user_email_once"),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="user_role_known"),
            # The flag would bypass every right in the libraries; it gives nothing here, so it is never set.
            models.CheckConstraint(condition=Q(is_superuser=False), name="user_never_superuser"),
        ]
        indexes = [models.Index(fields=["organisation", "team"], name="user_by_team")]

    def __str__(self) -> str:
        return self.name

    def get_full_name(self) -> str:
        """The name, as libraries ask for it."""
        return self.name

    def get_short_name(self) -> str:
        """The name, as libraries ask for it."""
        return self.name

    @property
    def is_staff(self) -> bool:
        """Whether the admin opens; what is shown there is decided by rights."""
        return self.is_active and self.role in {Role.MANAGER, Role.ADMINISTRATOR}


for _field, _declare in (
    ("password", restricted),
    ("is_superuser", internal),
    ("groups", internal),
    ("user_permissions", internal),
):
    _declare(User._meta.get_field(_field))  # type: ignore[type-var]  # fields of library bases are declared here


class NumberRange(OrganisationModel):
    """The next number of a kind (customers, …) in an organisation. Gaps are fine, doubles are not."""

    kind = internal(models.CharField(_("kind"), max_length=30))
    next_value = internal(models.PositiveBigIntegerField(_("next value"), default=1))

    class Meta:
        verbose_name, verbose_name_plural = _("number range"), _("number ranges")
        constraints = [models.UniqueConstraint(fields=["organisation", "kind"], name="number_range_once")]

    def __str__(self) -> str:
        return self.kind


class OneTimeLink(OrganisationModel):
    """A link that works once, for one user and purpose. Only the token's SHA-256 is kept (256 bits, no salt needed)."""

    user = internal(models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", verbose_name=_("user")))
    purpose = internal(models.CharField(_("purpose"), max_length=20, choices=LinkPurpose.choices))
    digest = restricted(models.BinaryField(_("digest"), max_length=32, unique=True))
    created_at = internal(models.DateTimeField(_("created"), db_default=Now(), editable=False))
    expires_at = internal(models.DateTimeField(_("valid until")))
    used_at = internal(models.DateTimeField(_("used"), null=True, blank=True))

    objects = OneTimeLinkQuerySet.as_manager()

    class Meta:
        verbose_name, verbose_name_plural = _("one-time link"), _("one-time links")
        constraints = [models.CheckConstraint(condition=Q(purpose__in=LinkPurpose.values), name="link_purpose_known")]

    def __str__(self) -> str:
        return self.get_purpose_display()
