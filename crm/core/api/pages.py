"""The pages around the API: what each problem means, the OpenAPI document, and how to use it all."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from crm.core.api.problems import CATALOGUE
from crm.core.api.reference import reference
from crm.core.api.schema import as_text


@require_safe
def problems(request: HttpRequest) -> HttpResponse:
    """The catalogue of problems."""
    return render(request, "core/problems.html", {"kinds": CATALOGUE.values()})


@require_safe
def problem(request: HttpRequest, name: str) -> HttpResponse:
    """What one problem means and what to do; the `type` of every refusal leads here."""
    if name not in CATALOGUE:
        raise Http404
    return render(request, "core/problems.html", {"kinds": [CATALOGUE[name]], "kind": CATALOGUE[name]})


@require_safe
def schema(request: HttpRequest) -> HttpResponse:
    """The OpenAPI 3.1 document as JSON; it tells no data, so it is open."""
    return HttpResponse(as_text(), content_type="application/vnd.oai.openapi+json; charset=utf-8")


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """How the API is used, and every operation of it, from the OpenAPI document."""
    return render(request, "core/api_docs.html", {"areas": reference(), "kinds": CATALOGUE.values()})
