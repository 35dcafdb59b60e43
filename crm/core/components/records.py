"""Parts of a record: panel, facts, the field that is edited where it stands, the table of changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.forms import BoundField
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from crm.core.components.forms import widget
from crm.core.components.html import NOTHING, attributes, icon
from crm.core.components.signs import kbd


def panel(
    content: SafeString, title: object, id: str, count: object = None, note: object = "", tools: SafeString = NOTHING
) -> SafeString:
    """A titled section: `{% panel title=_("Contacts") id="contacts" count=4 tools=add %}…{% endpanel %}`."""
    return format_html(
        '<section class="fp-panel" id="{0}" aria-labelledby="{0}-title"><div class="fp-panel__head"><h2 id="{0}-title">{1}{2}</h2>'
        "{3}{4}</div>{5}</section>",
        id,
        title,
        format_html(' <span class="num">{}</span>', count) if count is not None else NOTHING,
        format_html('<span class="fp-mute">{}</span>', note) if note else NOTHING,
        format_html('<div class="fp-panel__tools">{}</div>', tools) if tools else NOTHING,
        content,
    )


def facts(content: SafeString) -> SafeString:
    """Key facts in one line under a record's head: `{% facts %}{% fact _("Owner") %}…{% endfact %}…{% endfacts %}`."""
    return format_html('<dl class="fp-facts">{}</dl>', content)


def fact(content: SafeString, label: object, kind: str = "", num: bool = False) -> SafeString:
    """One key fact; `kind` next (first on a phone) or wide, `num` for figures and dates."""
    return format_html(
        "<div{}><dt>{}</dt><dd{}>{}</dd></div>",
        attributes({"class": f"is-{kind}" if kind else ""}),
        label,
        attributes({"class": "num" if num else ""}),
        content,
    )


def field(
    label: object,
    name: str,
    value: object = "",
    url: str = "",
    state: str = "read",
    control: BoundField | None = None,
    was: object = None,
    hint: object = "",
    lock: object = "",
    empty: object = "–",
    wide: bool = False,
    clash: Mapping[str, Any] | None = None,
    undo: BoundField | None = None,
) -> SafeString:
    """A fact that is edited where it stands. Its element is `#field-NAME`; every answer of `url` replaces it whole.

    Read: `{% field _("Phone") "phone" customer.phone|phone url=url %}`; without `url`, or with `lock` (the reason), it stays read only.
    A press asks `url` by GET; the view answers with the edit state: `{% field label name url=url control=form.phone was=version %}`,
    which posts the control, plus `was` (what the edit started from), to the same `url`. The view answers 200 with `state="saved"`
    (and, to take it back for ten seconds, `undo`: the control with the value before, `was`: what is saved now),
    422 with the same form (its error shows at the field), or 409 with
    `clash={"value": shown, "was": their version, "mine": raw own value, "shown": own value shown, "who": name}` (both values, to choose from).
    """
    if control is not None:
        return _edit(label, name, url, control, was, hint)
    text = value if value not in (None, "") else format_html('<span class="fp-mute">{}</span>', empty)
    inside = format_html('<span class="fp-field__text">{}</span>', text)
    note = format_html('<span class="fp-field__hint">{}</span>', hint) if hint else NOTHING
    if lock or not url:
        sign = (
            format_html(
                '<span class="fp-field__lock" title="{0}">{1}<span class="visually-hidden">{0}</span></span>',
                lock,
                icon("lock"),
            )
            if lock
            else NOTHING
        )
        body = format_html('<span class="fp-field__value">{}</span>{}{}', inside, sign, note)
        return _field(name, label, f"is-{'locked' if lock else 'fixed'}", body, wide)
    if clash:
        note = _clash(name, url, clash)
        state = "conflict"
    opener = format_html(
        '<button type="button" class="fp-field__value" aria-describedby="l-{}" hx-get="{}" hx-target="#field-{}" hx-swap="outerHTML">'
        '{}<span class="visually-hidden">{}</span>{}</button>',
        name,
        url,
        name,
        inside,
        _("edit"),
        _pen(),
    )
    return _field(
        name,
        label,
        f"is-{state}",
        format_html("{}{}{}{}", opener, _sign(state), note, _undo(label, name, url, undo, was)),
        wide,
    )


def _field(name: str, label: object, classes: str, body: SafeString, wide: bool = False) -> SafeString:
    return format_html(
        '<div class="fp-field {}{}" id="field-{}" data-field="{}"><dt id="l-{}">{}</dt><dd>{}</dd></div>',
        classes,
        " fp-field--wide" if wide else "",
        name,
        name,
        name,
        label,
        body,
    )


def _pen() -> SafeString:
    return format_html('<span class="fp-field__pen">{}</span>', icon("pencil", size="s"))


def _sign(state: str) -> SafeString:
    if state == "saved":
        return format_html(
            '<span class="fp-field__sign fp-tone-green" role="status">{}{}</span>', icon("check"), _("saved")
        )
    if state == "conflict":
        return format_html('<span class="fp-field__sign fp-tone-amber">{}{}</span>', icon("git-compare"), _("changed"))
    if state == "saving":
        return format_html(
            '<span class="fp-field__sign fp-tone-slate">{}<span class="visually-hidden">{}</span></span>',
            icon("loader-2", spin=True),
            _("saving"),
        )
    return NOTHING


def _undo(label: object, name: str, url: str, undo: BoundField | None, was: object) -> SafeString:
    """The value before, ready to be sent; the script offers it in a toast."""
    if not undo:
        return NOTHING
    return format_html(
        '<form hidden data-undo-form data-said="{}" hx-post="{}" hx-target="#field-{}" hx-swap="outerHTML">{}'
        '<input type="hidden" name="was" value="{}"></form>',
        _("%(field)s changed") % {"field": label},
        url,
        name,
        _hidden(undo),
        was,
    )


def _hidden(control: BoundField) -> SafeString:
    """The value of a control as hidden inputs, without the ids that the visible control has."""
    kind = control.field.hidden_widget()
    kind.is_localized = bool(control.field.localize)
    return kind.render(control.html_name, control.value(), attrs={})


def _edit(label: object, name: str, url: str, control: BoundField, was: object, hint: object) -> SafeString:
    error_id = f"field-{name}-error"
    wrong = bool(control.errors)
    note = (
        format_html(
            '<span class="fp-field__error" id="{}">{}{}</span>',
            error_id,
            icon("alert-circle--filled"),
            control.errors[0],
        )
        if wrong
        else format_html(
            '<span class="fp-field__hint" id="{}">{} {} {} {} {}</span>',
            error_id,
            hint,
            kbd("↵"),
            _("save"),
            kbd("Esc"),
            _("discard"),
        )
    )
    described = {"aria-describedby": error_id, "aria-labelledby": f"l-{name}"}
    kept = format_html('<input type="hidden" name="was" value="{}">', was) if was is not None else NOTHING
    body = format_html(
        '<form class="fp-field__form" hx-post="{}" hx-target="#field-{}" hx-swap="outerHTML" novalidate data-edit>{}{}'
        '<span class="fp-field__wait">{}<span class="visually-hidden">{}</span></span>{}</form>',
        url,
        name,
        widget(control, described),
        kept,
        icon("loader-2", spin=True),
        _("saving"),
        note,
    )
    return _field(name, label, "is-error" if wrong else "is-edit", body)


def _clash(name: str, url: str, clash: Mapping[str, Any]) -> SafeString:
    said = _("%(who)s has saved %(theirs)s meanwhile. Own entry: %(mine)s.") % {
        "who": clash["who"],
        "theirs": clash["value"],
        "mine": clash["shown"],
    }
    return format_html(
        '<span class="fp-field__hint" role="alert">{}</span><form class="fp-acts" hx-post="{}" hx-target="#field-{}" hx-swap="outerHTML">'
        '<input type="hidden" name="{}" value="{}"><input type="hidden" name="was" value="{}">'
        '<button class="btn btn-sm" type="submit">{}</button>'
        '<button class="btn btn-sm btn-ghost" type="button" hx-get="{}read=1" hx-target="#field-{}" hx-swap="outerHTML">{}</button></form>',
        said,
        url,
        name,
        clash.get("input", name),
        clash["mine"],
        clash["was"],
        _("Take own entry"),
        f"{url}&" if "?" in url else f"{url}?",
        name,
        _("Keep the saved value"),
    )


def audit(rows: Iterable[Mapping[str, Any]], label: object = "") -> SafeString:
    """Changes as a table: mappings with when, who, field, old, new, cause. `{% audit changes label=_("Changes") %}`

    `when` and `who` are shown as given (format them before), old and new as text; an empty old is a first value.
    """
    lines = format_html_join(
        "",
        "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}{}{}</td><td>{}</td></tr>",
        (
            (
                row["when"],
                row["who"],
                row["field"],
                format_html('<del class="fp-old">{}</del>', row["old"])
                if row.get("old") not in (None, "")
                else NOTHING,
                " ",
                format_html('<ins class="fp-new">{}</ins>', row["new"])
                if row.get("new") not in (None, "")
                else NOTHING,
                row.get("cause", ""),
            )
            for row in rows
        ),
    )
    heads = format_html_join(
        "",
        '<th scope="col">{}</th>',
        ((h,) for h in (_("When"), _("Who"), _("Field"), _("Before → after"), _("Cause"))),
    )
    return format_html(
        '<div class="fp-scroll" tabindex="0" role="region" aria-label="{}"><table class="fp-audit"><thead><tr>{}</tr></thead>'
        "<tbody>{}</tbody></table></div>",
        label or _("Table of changes"),
        heads,
        lines,
    )
