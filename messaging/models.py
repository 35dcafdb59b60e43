"""Notices and how users want them; outgoing mails and their templates; resets asked for."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from crm.core.classes import internal, personal, restricted
from crm.core.models import OrganisationModel
from messaging.choices import Channel, MessageState
from messaging.querysets import MessageQuerySet, NoticeQuerySet, OwnQuerySet, TemplateQuerySet
from messaging.registry import address_of, kind_named
from organisation.choices import Language


def _of_user(**more: Any) -> Any:
    return models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", verbose_name=_("user"), **more
    )


class Notice(OrganisationModel):
    """Something told to one user. While it is unread an equal one (`fold_key`) only counts up."""

    user = internal(_of_user())
    kind = internal(models.CharField(_("kind"), max_length=60))
    subject_type = internal(models.CharField(_("subject type"), max_length=40, blank=True))
    subject_id = internal(models.BigIntegerField(_("subject"), null=True))
    parameters = personal(models.JSONField(_("parameters"), encoder=DjangoJSONEncoder, default=dict))
    fold_key = internal(models.CharField(_("equal to"), max_length=64))
    times = internal(models.PositiveIntegerField(_("times"), default=1))
    created_at = internal(models.DateTimeField(_("created")))
    read_at = internal(models.DateTimeField(_("read on"), null=True))
    digest_at = internal(models.DateTimeField(_("for the digest of"), null=True))

    objects = NoticeQuerySet.as_manager()

    class Meta:
        verbose_name, verbose_name_plural = _("notice"), _("notices")
        constraints = [
            models.UniqueConstraint(
                fields=["user", "kind", "fold_key"], name="notice_unread_once", condition=Q(read_at__isnull=True)
            ),
        ]
        indexes = [
            models.Index(fields=["user", "created_at", "id"], name="notice_of_user"),
            models.Index(
                fields=["organisation", "digest_at"], name="notice_for_digest", condition=Q(digest_at__isnull=False)
            ),
            models.Index(fields=["organisation", "created_at"], name="notice_by_age"),
        ]

    def __str__(self) -> str:
        return self.title

    def _rendered(self) -> tuple[str, str]:
        kind = kind_named(self.kind)
        try:
            return kind.render(self.parameters) if kind else (self.kind, "")
        except (KeyError, ValueError):  # told by an older release, with other parameters
            return self.kind, ""

    @property
    def title(self) -> str:
        """What happened, in the active language."""
        return self._rendered()[0]

    @property
    def text(self) -> str:
        """More about it, in the active language."""
        return self._rendered()[1]

    @property
    def icon(self) -> str:
        """The kind's sign."""
        kind = kind_named(self.kind)
        return kind.icon if kind else "bell"

    @property
    def tone(self) -> str:
        """The kind's tone."""
        kind = kind_named(self.kind)
        return kind.tone if kind else "slate"

    @property
    def address(self) -> str:
        """The path of what it is about, or ""."""
        return address_of(self.subject_type, self.subject_id)


class NoticePreference(OrganisationModel):
    """How one kind of notice reaches one user, where he chose."""

    user = internal(_of_user())
    kind = internal(models.CharField(_("kind"), max_length=60))
    channel = internal(models.CharField(_("reaches by"), max_length=8, choices=Channel.choices))

    objects = OwnQuerySet.as_manager()

    class Meta:
        verbose_name, verbose_name_plural = _("choice about notices"), _("choices about notices")
        constraints = [
            models.UniqueConstraint(fields=["user", "kind"], name="notice_choice_once"),
            models.CheckConstraint(condition=Q(channel__in=Channel.values), name="notice_channel_known"),
        ]

    def __str__(self) -> str:
        return self.kind


class QuietHours(OrganisationModel):
    """When a user gets no mails at once, on the organisation's wall clock; over midnight where the end is the earlier."""

    user = internal(
        models.OneToOneField(
            settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", verbose_name=_("user")
        )
    )
    begins = internal(models.TimeField(_("from")))
    ends = internal(models.TimeField(_("until")))

    objects = OwnQuerySet.as_manager()

    class Meta:
        verbose_name, verbose_name_plural = _("quiet hours"), _("quiet hours")
        constraints = [models.CheckConstraint(condition=~Q(begins=models.F("ends")), name="quiet_hours_have_length")]

    def __str__(self) -> str:
        return f"{self.begins:%H:%M}–{self.ends:%H:%M}"


class TemplateVersion(OrganisationModel):
    """One edited wording of a mail, in one language; never changed, the highest number holds.

    `is_shipped`: from here on the wording that the release ships holds again.
    """

    key = internal(models.CharField(_("template"), max_length=60))
    language = internal(models.CharField(_("language"), max_length=2, choices=Language.choices))
    number = internal(models.PositiveIntegerField(_("version")))
    is_shipped = internal(models.BooleanField(_("as shipped"), default=False))
    subject = internal(models.CharField(_("subject line"), max_length=200, blank=True))
    body = internal(models.TextField(_("text"), blank=True))
    created_at = internal(models.DateTimeField(_("created")))
    created_by = internal(
        models.ForeignKey(
            settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("by")
        )
    )

    objects = TemplateQuerySet.as_manager()

    class Meta:
        verbose_name, verbose_name_plural = _("version of a mail template"), _("versions of mail templates")
        constraints = [
            models.UniqueConstraint(fields=["organisation", "key", "language", "number"], name="template_version_once"),
            models.CheckConstraint(condition=Q(language__in=Language.values), name="template_language_known"),
        ]

    def __str__(self) -> str:
        return f"{self.key} {self.language} {self.number}"


class Message(OrganisationModel):
    """One mail to one recipient, a user or a contact; sent by a worker, with the same Message-ID however often it is tried.

    `sealed` holds the secret parameters (links that let somebody in) encrypted; emptied with the last step.
    """

    user = internal(_of_user(null=True))
    contact_id = internal(models.BigIntegerField(_("contact"), null=True))
    purpose = internal(models.CharField(_("purpose"), max_length=40, blank=True))
    to_address = personal(models.CharField(_("to"), max_length=254))
    to_name = personal(models.CharField(_("name"), max_length=120, blank=True))
    language = internal(models.CharField(_("language"), max_length=2, choices=Language.choices))
    template = internal(models.CharField(_("template"), max_length=60))
    template_version = internal(
        models.PositiveIntegerField(_("version"), default=0, help_text=_("0 is the shipped one."))
    )
    parameters = personal(models.JSONField(_("parameters"), encoder=DjangoJSONEncoder, default=dict))
    sealed = restricted(models.BinaryField(_("secret parameters"), null=True))
    send_key = internal(models.CharField(_("send key"), max_length=120))
    state = internal(
        models.CharField(_("state"), max_length=10, choices=MessageState.choices, default=MessageState.QUEUED)
    )
    attempts = internal(models.PositiveSmallIntegerField(_("attempts"), default=0))
    unclear = internal(
        models.PositiveSmallIntegerField(
            _("unclear attempts"), default=0, help_text=_("Attempts that may have been sent, for no answer came.")
        )
    )
    run_at = internal(models.DateTimeField(_("due")))
    expires_at = internal(models.DateTimeField(_("worthless from"), null=True))
    locked_until = internal(models.DateTimeField(_("held by a worker until"), null=True))
    message_id = internal(models.CharField(_("Message-ID"), max_length=200, blank=True))
    created_at = internal(models.DateTimeField(_("created"), db_default=Now()))
    finished_at = internal(models.DateTimeField(_("finished"), null=True))
    error = internal(models.CharField(_("kind of error"), max_length=80, blank=True))
    rule = internal(models.CharField(_("rule that stopped it"), max_length=40, blank=True))

    objects = MessageQuerySet.as_manager()

    class Meta:
        verbose_name, verbose_name_plural = _("mail"), _("mails")
        constraints = [
            models.UniqueConstraint(fields=["organisation", "send_key"], name="message_once"),
            models.CheckConstraint(condition=Q(state__in=MessageState.values), name="message_state_known"),
            models.CheckConstraint(
                condition=Q(user__isnull=True, contact_id__isnull=False)
                | Q(user__isnull=False, contact_id__isnull=True),
                name="message_one_recipient",
            ),
            models.CheckConstraint(
                condition=Q(sealed__isnull=True) | Q(state__in=[MessageState.QUEUED, MessageState.SENDING]),
                name="message_secrets_erased",
            ),
        ]
        indexes = [
            models.Index(fields=["organisation", "run_at"], name="message_due", condition=Q(state="QUEUED")),
            models.Index(fields=["organisation", "locked_until"], name="message_held", condition=Q(state="SENDING")),
            models.Index(fields=["organisation", "-id"], name="message_list"),
            models.Index(fields=["organisation", "-id"], name="message_failed", condition=Q(state="FAILED")),
            models.Index(
                fields=["organisation", "finished_at"], name="message_by_end", condition=Q(finished_at__isnull=False)
            ),
            models.Index(
                fields=["expires_at"],
                name="message_expiring",
                condition=Q(state="QUEUED", expires_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.send_key


class ResetRequest(models.Model):
    """Somebody asked for a new password, for an address that may be unknown: told apart by a worker, not by the page.

    Of the installation, for nobody is known yet; the address is encrypted, and the row goes within seconds.
    """

    sealed = restricted(models.BinaryField(_("address")))
    language = internal(models.CharField(_("language"), max_length=2, choices=Language.choices))
    created_at = internal(models.DateTimeField(_("created"), db_default=Now()))

    class Meta:
        verbose_name, verbose_name_plural = _("reset asked for"), _("resets asked for")

    def __str__(self) -> str:
        return str(self.pk)
