"""Organisations, teams, users, number ranges, one-time links, settings, flags, counts of operations."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser, PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MinLengthValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower, Now
from django.utils.translation import gettext_lazy as _

from crm.core.classes import internal, personal, public, restricted
from crm.core.models import OrganisationModel, VersionedModel, history_table
from organisation.choices import FlagStep, Language, LinkPurpose, Role
from organisation.querysets import (
    ApiTokenQuerySet,
    FeatureFlagQuerySet,
    IdempotencyKeyQuerySet,
    OneTimeLinkQuerySet,
    OperationCountQuerySet,
    OrganisationsQuerySet,
    SettingValueQuerySet,
    TeamQuerySet,
    UserManager,
)


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
    history = history_table(without=["password"])

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


class SettingValue(VersionedModel):
    """A value of a setting (`crm.core.options`) where it is not the default: of a user, an organisation, or all of them.

    Not an OrganisationModel: a global one belongs to none; it is read by all and written by the operator's command alone.
    """

    organisation = internal(
        models.ForeignKey(
            Organisation,
            on_delete=models.PROTECT,
            null=True,
            related_name="+",
            editable=False,
            verbose_name=_("organisation"),
        )
    )
    user = internal(
        models.ForeignKey(
            User, on_delete=models.CASCADE, null=True, related_name="+", editable=False, verbose_name=_("user")
        )
    )
    key = internal(models.CharField(_("setting"), max_length=80))
    value = internal(models.JSONField(_("value")))

    objects = SettingValueQuerySet.as_manager()
    history = history_table()

    class Meta:
        verbose_name, verbose_name_plural = _("setting"), _("settings")
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "user", "key"], name="setting_value_once", nulls_distinct=False
            ),
            models.CheckConstraint(
                condition=Q(user__isnull=True) | Q(organisation__isnull=False),
                name="setting_value_of_user_in_organisation",
            ),
        ]

    def __str__(self) -> str:
        return self.key


class FeatureFlag(OrganisationModel, VersionedModel):
    """How far a flag (`crm.core.flags`) is in an organisation. Named users and pilot teams are reached before the others."""

    key = internal(models.CharField(_("flag"), max_length=80))
    step = internal(models.CharField(_("step"), max_length=14, choices=FlagStep.choices, default=FlagStep.OFF))
    step_since = internal(models.DateTimeField(_("step since")))
    user_ids = internal(ArrayField(models.BigIntegerField(), default=list, blank=True, verbose_name=_("named people")))
    team_ids = internal(ArrayField(models.BigIntegerField(), default=list, blank=True, verbose_name=_("pilot teams")))

    objects = FeatureFlagQuerySet.as_manager()
    history = history_table()

    class Meta:
        verbose_name, verbose_name_plural = _("feature flag"), _("feature flags")
        constraints = [
            models.UniqueConstraint(fields=["organisation", "key"], name="feature_flag_once"),
            models.CheckConstraint(condition=Q(step__in=FlagStep.values), name="feature_flag_step_known"),
        ]

    def __str__(self) -> str:
        return self.key


class OperationCount(OrganisationModel):
    """How often a critical operation (`crm.core.operations`) was done and failed on one day.

    Written by the function `organisation_count_operation` alone, after the operation's own transaction.
    """

    operation = internal(models.CharField(_("operation"), max_length=60))
    day = internal(models.DateField(_("day")))
    done = internal(models.PositiveBigIntegerField(_("done"), default=0))
    failed = internal(models.PositiveBigIntegerField(_("failed"), default=0))

    objects = OperationCountQuerySet.as_manager()

    class Meta:
        verbose_name, verbose_name_plural = _("count of an operation"), _("counts of operations")
        constraints = [
            models.UniqueConstraint(fields=["organisation", "operation", "day"], name="operation_count_once")
        ]

    def __str__(self) -> str:
        return f"{self.operation} {self.day:%Y-%m-%d}"


class ApiToken(OrganisationModel):
    """What a program of a user shows in place of a session. Only the SHA-256 is kept (256 random bits, no salt needed).

    `prefix` is its beginning, by which its owner tells his tokens apart. It is never wider than its user is.
    """

    user = internal(models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", verbose_name=_("user")))
    name = internal(models.CharField(_("name"), max_length=80))
    prefix = internal(models.CharField(_("beginning"), max_length=12))
    digest = restricted(models.BinaryField(_("digest"), max_length=32, unique=True))
    scopes = internal(ArrayField(models.CharField(max_length=60), verbose_name=_("scopes")))
    created_at = internal(models.DateTimeField(_("created"), editable=False))
    expires_at = internal(models.DateTimeField(_("valid until")))
    last_used_at = internal(models.DateTimeField(_("last used"), null=True, blank=True))
    revoked_at = internal(models.DateTimeField(_("revoked"), null=True, blank=True))
    warned_at = internal(models.DateTimeField(_("its end was told"), null=True, blank=True, editable=False))

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        verbose_name, verbose_name_plural = _("API token"), _("API tokens")
        ordering = ["-created_at", "-pk"]
        indexes = [models.Index(fields=["user", "-created_at"], name="api_token_by_user")]

    def __str__(self) -> str:
        return self.name


class IdempotencyKey(OrganisationModel):
    """The answer to a POST that was sent with an Idempotency-Key; kept for 24 hours (`organisation.answers`)."""

    user = internal(models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", verbose_name=_("user")))
    key = internal(models.CharField(_("key"), max_length=200))
    fingerprint = internal(models.BinaryField(_("fingerprint"), max_length=32))
    status = internal(models.PositiveSmallIntegerField(_("status")))
    headers = internal(models.JSONField(_("headers"), default=dict))
    body = personal(models.TextField(_("answer")))
    created_at = internal(models.DateTimeField(_("created"), editable=False))

    objects = IdempotencyKeyQuerySet.as_manager()

    class Meta:
        verbose_name, verbose_name_plural = _("kept answer"), _("kept answers")
        constraints = [
            models.UniqueConstraint(fields=["organisation", "user", "key"], name="idempotency_key_once"),
            models.CheckConstraint(condition=Q(status__range=(200, 499)), name="idempotency_status_is_an_answer"),
        ]
        indexes = [models.Index(fields=["organisation", "created_at"], name="idempotency_by_age")]

    def __str__(self) -> str:
        return self.key
