"""The life of an account: activation, status, owner, sharing. Each a small form with the one missing answer."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from crm.core.access import CrmRequest
from crm.core.errors import Forbidden, NotFound
from customers import panels, services
from customers.chains import chosen_chain
from customers.choices import CustomerStatus
from customers.forms import ActivateForm, ChainForm, GrantForm, OwnerForm, ReasonForm
from customers.models import Customer
from customers.transitions import ALLOWED, BY_MANAGER, LIFTED_BY_MANAGER
from customers.views.refusals import answer_dialog, explains_refusal, to, visible_customer
from customers.why import why_visible


def may(request: CrmRequest, customer: Customer) -> panels.Can:
    """What the actor may do on this account."""
    return panels.can(request.scope, customer, why_visible(request.scope, customer))


def refuse(message: str, *, allowed: bool) -> None:
    """Raise Forbidden with the message unless allowed."""
    if not allowed:
        raise Forbidden(message)


@login_required
@require_http_methods(["GET", "POST"])
@explains_refusal
def activate(request: CrmRequest, pk: int) -> HttpResponse:
    """A delivered order by hand: PROSPECT, RISIKO and INAKTIV become AKTIV. At most 20 queries."""
    customer = visible_customer(request, pk)
    refuse(_("Owner, team lead and sales manager activate a customer."), allowed=may(request, customer).activate)
    form = ActivateForm(request.POST if request.method == "POST" else None)
    done = form.submit(services.activate_customer, scope=request.scope, customer_id=pk)
    return answer_dialog(
        request,
        form,
        done=done,
        customer=customer,
        title=_("First order delivered"),
        note=_("From now on the customer is active, and the days without an order are counted."),
        submit=_("Mark as active"),
        said=_("Active since today") if form.result else _("Was active already, nothing changed"),
    )


@login_required
@require_http_methods(["GET", "POST"])
@explains_refusal
def status(request: CrmRequest, pk: int, status: str) -> HttpResponse:
    """Archive or reopen, a sales manager's decision with a reason. At most 20 queries."""
    customer = visible_customer(request, pk)
    if status not in BY_MANAGER:
        raise NotFound(_("Not found."))
    refuse(_("Sales managers archive and reopen customers."), allowed=may(request, customer).status)
    form = ReasonForm(request.POST if request.method == "POST" else None)
    archive = status == CustomerStatus.ARCHIVIERT
    done = form.submit(services.change_status, scope=request.scope, customer_id=pk, status=status)
    return answer_dialog(
        request,
        form,
        done=done,
        customer=customer,
        title=_("Archive customer") if archive else _("Reopen customer"),
        note=_("The customer leaves the lists of active work; everything stays readable.")
        if archive
        else _("The customer becomes a prospect again."),
        submit=_("Archive") if archive else _("Reopen"),
        said=_("Archived") if archive else _("Reopened"),
        possible=status in ALLOWED[customer.status],
    )


@login_required
@require_http_methods(["GET", "POST"])
@explains_refusal
def lift(request: CrmRequest, pk: int) -> HttpResponse:
    """From at risk or inactive back to active, once the season was put right; a sales manager's. At most 20 queries."""
    customer = visible_customer(request, pk)
    refuse(_("Sales managers lift a status."), allowed=may(request, customer).status)
    form = ReasonForm(request.POST if request.method == "POST" else None)
    done = form.submit(services.lift_customer, scope=request.scope, customer_id=pk)
    return answer_dialog(
        request,
        form,
        done=done,
        customer=customer,
        title=_("Lift status"),
        note=_("For a season that was put right. It holds while the days counted are under the limit."),
        submit=_("Make active"),
        said=_("Active again"),
        possible=done or customer.status in LIFTED_BY_MANAGER,
    )


@login_required
@require_http_methods(["GET", "POST"])
@explains_refusal
def owner(request: CrmRequest, pk: int) -> HttpResponse:
    """Hand over or release. The account may leave the actor's sight; then the list is next. At most 20 queries."""
    customer = visible_customer(request, pk)
    rights = may(request, customer)
    refuse(
        _("Only the owner can release a customer; team leads and managers hand over."),
        allowed=rights.assign or rights.release,
    )
    data = request.POST if request.method == "POST" else None
    initial = {"owner_id": customer.owner_id if rights.assign else ""}
    form = OwnerForm(data, scope=request.scope, customer=customer, initial=initial)
    done = form.submit(services.assign_owner, scope=request.scope, customer_id=pk)
    seen = not done or Customer.objects.visible_to(request.scope).filter(pk=pk).exists()
    return answer_dialog(
        request,
        form,
        done=done,
        customer=customer if seen else None,
        title=_("Owner") if rights.assign else _("Release customer"),
        note=_("Without an owner only sales managers and administrators see the customer."),
        submit=_("Save") if rights.assign else _("Release"),
        said=_("Owner changed"),
    )


@login_required
@require_http_methods(["GET", "POST"])
@explains_refusal
def chain(request: CrmRequest, pk: int) -> HttpResponse:
    """Move to another chain, or into one; the access by the chain's grants moves along. At most 20 queries."""
    customer = visible_customer(request, pk)
    refuse(_("Only who looks after both chains moves a location between them."), allowed=may(request, customer).move)
    form = ChainForm(request.POST if request.method == "POST" else None)
    chosen = chosen_chain(request.scope, form["chain_id"].value())
    done = form.submit(services.move_to_chain, scope=request.scope, customer_id=pk)
    return answer_dialog(
        request,
        form,
        done=done,
        customer=customer,
        title=_("Move to another chain") if customer.chain_id else _("Add to a chain"),
        note=_(
            "Whoever looks after the chain sees the location from now on; whoever had it by the old chain no longer."
        ),
        submit=_("Move"),
        said=_("Moved"),
        picks_chain=True,
        chain=chosen,
    )


@login_required
@require_http_methods(["GET", "POST"])
@explains_refusal
def grant(request: CrmRequest, pk: int) -> HttpResponse:
    """Share with a colleague. At most 20 queries."""
    customer = visible_customer(request, pk)
    refuse(_("Team leads, chain managers and sales managers share customers."), allowed=may(request, customer).grant)
    form = GrantForm(request.POST if request.method == "POST" else None, scope=request.scope)
    done = form.submit(services.give_grant, scope=request.scope, customer_id=pk)
    return answer_dialog(
        request, form, done=done, customer=customer, title=_("Share customer"), submit=_("Share"), said=_("Shared")
    )


@login_required
@require_POST
@explains_refusal
def revoke(request: CrmRequest, pk: int, user_id: int) -> HttpResponse:
    """End the sharing with a colleague. At most 15 queries."""
    services.revoke_grant(scope=request.scope, customer_id=pk, user_id=user_id)
    messages.success(request, _("Sharing ended"))
    return to(request, reverse("customers:detail", args=[pk]))
