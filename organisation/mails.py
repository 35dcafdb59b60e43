"""Mails about accounts. Sent after the commit, in the person's language."""

from __future__ import annotations

from django.core.mail import EmailMessage
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _

from organisation.models import User


def send_set_up_mail(user: User, address: str) -> None:
    """The link by which a new person sets up his account."""
    with translation.override(user.language):
        subject = _("Set up the FreshPlan account")
        text = render_to_string("organisation/email/set_up.txt", {"person": user, "address": address})
    transaction.on_commit(EmailMessage(subject, text, to=[user.email]).send, robust=True)
