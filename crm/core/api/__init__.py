"""The kernel of the REST API. What an endpoint does itself is: read the body, call a service, answer.

    # things/api/views.py
    class ThingView(ApiView):
        area = "things"                       # the token needs things.read, or things.write for unsafe methods
        versioned = frozenset({"PATCH"})      # these honour If-Match; tells the schema so

        @extend_schema(operation_id="thing_read", summary="A thing", responses=ThingSerializer)
        def get(self, request: Request, pk: int) -> Response:
            thing = Thing.objects.visible_to(self.scope).get_or_not_found(pk=pk)
            return Response(ThingSerializer(thing).data, headers={"ETag": etag(thing.version)})

        @extend_schema(operation_id="thing_change", summary="Change a thing", request=…, responses=ThingSerializer)
        def patch(self, request: Request, pk: int) -> Response:
            changes = read_body(ThingSerializer(data=request.data, partial=True))
            require_match(request, Thing.objects.visible_to(self.scope), pk=pk)
            thing = services.change_thing(scope=self.scope, thing_id=pk, changes=changes)
            return Response(ThingSerializer(thing).data, headers={"ETag": etag(thing.version)})

Addresses: `things/api/urls.py` with `app_name = "things_api"`, included under `api/` in `crm/urls.py`; a row per method in
`tests/matrix/routes.py`; the area by `register_area("things", _("Things"))` in the app's `ready()`.

The kernel does the rest:
- **Who asks** (`callers`): `Authorization: Bearer` or the page's session with CSRF token; `self.scope` is the one Scope,
  active in the database, source "api". Reads go through `visible_to(self.scope)`, writes through services.
- **Errors** (`problems`): raise what services raise. Invalid → 400 `validation`, NotFound → 404, Forbidden → 403, Conflict →
  409 `rule` (its `allowed` is passed on), `Stale` → 412, any code of the catalogue by its name; `retry_after=` in a domain
  error's extras becomes Retry-After. Faulty parameters of the address: `InvalidQuery`. What was written is taken back.
- **Bodies** (`parsing`, `serializers`): strict JSON up to 1 MiB; subclass `StrictSerializer` or `StrictModelSerializer`.
- **Lists** (`lists`): `read_state` + `state_body` over a `Listing` of crm.core.listing (filters, order, search), or
  `page_body` over a plain queryset. Parameters of the schema: `LISTING`, `CURSORS`.
- **Versions** (`versions`): `etag`, `require_match` (locks the row; 412 where If-Match is another version), `digest_tag`.
  An If-Match that no `versioned` method reads is refused.
- **Idempotency-Key** (`idempotency`): on every POST, without the view's doing.
- **Many rows** (`bulk`): `each_row` gives a result per row.
- **Throttling** (`throttling`): per token or user, with RateLimit headers.
- **Schema** (`schema`): `@extend_schema` names request and responses, and `examples=example({…})` a body that works; the
  kernel adds refusals, headers and scope. Run `./manage.py api_schema` afterwards: it writes docs/api/ (document and
  client collection), `./freshplan check` compares, and a test sends every request of the collection.
"""
