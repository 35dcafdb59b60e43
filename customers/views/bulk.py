"""Many customers in one go: the selection stands in the address as the list's own parameters, or as ids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods

from crm.core import filters
from crm.core.access import CrmRequest, Scope
from crm.core.digits import whole_number
from crm.core.errors import Forbidden, Invalid, NotFound
from crm.core.listing import ListState
from crm.core.templatetags.formats import number
from customers import services
from customers.account_list import CUSTOMERS
from customers.bulk_forms import FORMS
from customers.choices import Bulk
from customers.services.bulk import Selection
from customers.views.refusals import answer_dialog, explains_refusal
from organisation.list_views import list_views

OWN: Final = ("ids", "all", "field")
"""Parameters beside the list's: the ids, or that all of the list are meant; the field that is to be set."""


@dataclass(frozen=True, slots=True)
class Act:
    """One action: what it takes, what it says. `short` is its word in the bar, without one it stands in the menu beside;
    `key` is the letter that does it."""

    icon: str
    right: str
    note: Any
    submit: Any
    short: Any = ""
    key: str = ""
    danger: bool = False


# icons: #i-user-check #i-tag #i-tag-off #i-archive #i-archive-off #i-forms #i-trash
ACTS: Final[dict[str, Act]] = {
    Bulk.OWNER: Act(
        "user-check",
        "customers.release",
        gettext_lazy("Without an owner only sales managers and administrators see a customer."),
        gettext_lazy("Change"),
        short=gettext_lazy("Owner"),
        key="a",
    ),
    Bulk.TAG: Act(
        "tag",
        "customers.change",
        gettext_lazy("Who has the tag keeps it."),
        gettext_lazy("Add"),
        short=gettext_lazy("Tag"),
        key="t",
    ),
    Bulk.FIELD: Act(
        "forms",
        "customers.change",
        gettext_lazy("What the field held before is replaced."),
        gettext_lazy("Set"),
        short=gettext_lazy("Field"),
    ),
    Bulk.ARCHIVE: Act(
        "archive",
        "customers.status",
        gettext_lazy("The customers leave the lists of active work; everything stays readable."),
        gettext_lazy("Archive"),
        short=gettext_lazy("Archive"),
        key="s",
    ),
    Bulk.UNTAG: Act("tag-off", "customers.change", gettext_lazy("Other tags stay."), gettext_lazy("Remove")),
    Bulk.REOPEN: Act(
        "archive-off",
        "customers.status",
        gettext_lazy("Archived customers become prospects again; others are left alone."),
        gettext_lazy("Reopen"),
    ),
    Bulk.DELETE: Act(
        "trash",
        "customers.delete",
        gettext_lazy("The customers go to the trash with all that hangs on them, and come back from there or by undo."),
        gettext_lazy("Delete"),
        danger=True,
    ),
}


def acts_for(scope: Scope) -> list[dict[str, Any]]:
    """The actions of the bar; none for who changes nothing, locked with the reason those that are for others."""
    if not scope.allows("customers.change"):
        return []
    return [
        {
            "action": action,
            "label": Bulk(action).label,
            "act": act,
            "locked": "" if scope.allows(act.right) else _("Sales managers archive and reopen customers."),
        }
        for action, act in ACTS.items()
    ]


@login_required
@require_http_methods(["GET", "POST"])
@explains_refusal
def bulk(request: CrmRequest, action: str) -> HttpResponse:
    """How many are meant and what happens to them; agreed to, a worker begins and its page is next. At most 25 queries."""
    if action not in ACTS:
        raise NotFound(_("Not found."))
    scope, act = request.scope, ACTS[action]
    scope.require(act.right)
    state = ListState.read(request, CUSTOMERS, reserved=OWN)
    selection = selection_of(request, state)
    count = selection.count(scope)
    address = own_address(request, state)
    initial = {"promised": count, "field": request.GET.get("field")}
    form = FORMS[action](
        request.POST if request.method == "POST" else None, scope=scope, again=address, initial=initial
    )

    def start(**_cleaned: Any) -> Any:
        return services.start_bulk(
            scope=scope,
            action=action,
            values=form.values(),
            selection=selection,
            promised=form.cleaned_data["promised"],
        )

    done = form.submit(start)
    return answer_dialog(
        request,
        form,
        done=done,
        customer=None,
        title=_("%(action)s: %(count)s") % {"action": Bulk(action).label, "count": count_text(count)},
        note=act.note,
        submit=act.submit,
        danger=act.danger,
        action=address,
        back=state.here_url,
        then=reverse("jobs:task", args=[form.result.pk]) if done else "",
    )


def count_text(count: int) -> str:
    """How many customers, in words."""
    return ngettext("%(count)s customer", "%(count)s customers", count) % {"count": number(count)}


def own_address(request: CrmRequest, state: ListState) -> str:
    """The dialog's address, with what it is about."""
    pairs = [*state.pairs(), *((name, value) for name in ("all", "ids") for value in request.GET.getlist(name))]
    return f"{request.path}?{urlencode(pairs)}"


def selection_of(request: CrmRequest, state: ListState) -> Selection:
    """What the address means. Raises Forbidden with the reason for one that the list does not give: it has no form to show."""
    try:
        if request.GET.get("all"):
            state.require_sound()
            if state.view and list_views(state).is_refused:  # the list shows nobody: what is left would mean more
                raise Forbidden(_("This view cannot be shown here"))
            return Selection.of_filter(request.scope, filters.tree(state.node), state.search)
        ids = [whole_number(text) for text in request.GET.getlist("ids")]
        return Selection.of_ids([pk for pk in ids if pk is not None])
    except Invalid as error:
        raise Forbidden(error.message) from None
