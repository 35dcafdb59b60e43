"""Every write to notices, mails and their wordings."""

from messaging.services.failed import may_go_again, send_again, waiting_mails
from messaging.services.messages import queue_contact_mail, shown_mail, wording_in_force
from messaging.services.notices import UNREAD_CAP, channel_in, notify, read_all_notices, read_notice, unread_count
from messaging.services.preferences import change_notice_settings
from messaging.services.previews import example_values
from messaging.services.retention import forget_old
from messaging.services.wordings import newest_number, restore_wording, save_wording, send_test_mail

__all__ = [
    "UNREAD_CAP",
    "change_notice_settings",
    "channel_in",
    "example_values",
    "forget_old",
    "may_go_again",
    "newest_number",
    "notify",
    "queue_contact_mail",
    "read_all_notices",
    "read_notice",
    "restore_wording",
    "save_wording",
    "send_again",
    "send_test_mail",
    "shown_mail",
    "unread_count",
    "waiting_mails",
    "wording_in_force",
]
