"""Parts of a form: field, summary of errors, choice, months, duplicates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.forms import BaseForm, BoundField, CheckboxInput, RadioSelect, Select, SelectMultiple
from django.utils.dates import MONTHS, MONTHS_3
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.core.components.html import NOTHING, attributes, icon
from crm.core.components.signs import mark

NUMERIC_TYPES = {"number", "tel", "date", "time"}


def widget(control: BoundField, more: Mapping[str, object] | None = None) -> SafeString:
    """The control alone, in our classes, marked invalid where it is."""
    kind = control.field.widget
    css = (
        "form-check-input"
        if isinstance(kind, CheckboxInput)
        else "form-select"
        if isinstance(kind, Select)
        else "form-control"
    )
    if isinstance(kind, SelectMultiple):
        css = "form-select fp-multi"
    if getattr(kind, "input_type", "") in NUMERIC_TYPES:
        css += " num"
    given: dict[str, Any] = {
        "class": f"{css} {kind.attrs.get('class', '')}".strip(),
        "aria-invalid": "true" if control.errors else None,
        **(more or {}),
    }
    return control.as_widget(attrs={name: value for name, value in given.items() if value not in (None, "")})


def form_field(
    control: BoundField,
    span: int = 12,
    help: object = "",
    mark_optional: bool = True,
    extra: SafeString = NOTHING,
    css: str = "",
) -> SafeString:
    """Label, control, help and error of a form's field: `{% form_field form.company_name span=8 %}`.

    `span` is its share of 12 columns (12, 8, 6, 4 or 3); an optional one says so; radio fields: see `choice`.
    """
    error_id, help_id = f"{control.auto_id}-e", f"{control.auto_id}-h"
    shown_help = help or control.help_text
    described = " ".join([*([error_id] if control.errors else []), *([help_id] if shown_help else [])])
    notes = format_html("{}{}", _help(shown_help, help_id), _error(control, error_id))
    optional = (
        format_html(' <span class="fp-optional">{}</span>', _("optional"))
        if mark_optional and not control.field.required
        else NOTHING
    )
    place = f"fp-c{span} {css}".strip()
    if isinstance(control.field.widget, CheckboxInput):
        return format_html(
            '<div class="{}"><label class="fp-check">{}<span>{}</span></label>{}</div>',
            place,
            widget(control, {"aria-describedby": described}),
            control.label,
            notes,
        )
    return format_html(
        '<div class="{}"><label class="form-label" for="{}">{}{}</label>{}{}{}</div>',
        place,
        control.id_for_label,
        control.label,
        optional,
        widget(control, {"aria-describedby": described}),
        notes,
        extra,
    )


def _help(text: object, id: str) -> SafeString:
    return format_html('<p class="fp-help" id="{}">{}</p>', id, text) if text else NOTHING


def _error(control: BoundField, id: str) -> SafeString:
    if not control.errors:
        return NOTHING
    return format_html(
        '<p class="fp-error" id="{}">{}<span>{}</span></p>',
        id,
        icon("alert-circle--filled"),
        " ".join(map(str, control.errors)),
    )


def error_summary(form: BaseForm) -> SafeString:
    """What is to be checked, with links to the fields; nothing while the form holds no error: `{% error_summary form %}`."""
    if not form.errors:
        return NOTHING
    lines: list[tuple[SafeString]] = [(format_html("<span>{}</span>", error),) for error in form.non_field_errors()]
    for name, errors in form.errors.items():
        if name in form.fields:
            control = form[name]
            lines.append(
                (
                    format_html(
                        '<a href="#{}">{}: {}</a>', control.id_for_label or control.auto_id, control.label, errors[0]
                    ),
                )
            )
    head = ngettext("Check %(n)s entry", "Check %(n)s entries", len(lines)) % {"n": len(lines)}
    return format_html(
        '<div class="fp-summary" role="alert" tabindex="-1" id="errors" data-focus><h2>{}{}</h2><ul>{}</ul></div>',
        icon("alert-circle--filled"),
        head,
        format_html_join("", "<li>{}</li>", lines),
    )


def choice(control: BoundField, notes: Mapping[str, object] | None = None, span: int = 12) -> SafeString:
    """A few options as cards: `{% choice form.account_type notes=type_notes %}`; `notes` explain values. For radio fields."""
    if not isinstance(control.field.widget, RadioSelect):
        raise TypeError("choice is for radio fields")
    chosen = str(control.value() if control.value() is not None else "")
    error_id = f"{control.auto_id}-e"
    cards = format_html_join(
        "",
        '<label class="fp-choice"><input class="form-check-input" type="radio" name="{}" value="{}"{}><span><b>{}</b>{}</span></label>',
        (
            (
                control.html_name,
                value,
                attributes(
                    {
                        "id": f"{control.auto_id}_{n}",
                        "checked": str(value) == chosen,
                        "required": control.field.required,
                        "aria_describedby": error_id if control.errors else "",
                    }
                ),
                label,
                format_html("<small>{}</small>", notes[str(value)]) if notes and str(value) in notes else NOTHING,
            )
            for n, (value, label) in enumerate(control.field.choices)  # type: ignore[attr-defined]
        ),
    )
    return format_html(
        '<fieldset class="fp-c{}" id="{}"><legend class="form-label">{}</legend><div class="fp-choices">{}</div>{}</fieldset>',
        span,
        control.auto_id,
        control.label,
        cards,
        _error(control, error_id),
    )


def months(control: BoundField, patterns: Iterable[Mapping[str, Any]] = ()) -> SafeString:
    """Twelve months to press, for a multiple-choice field of 1…12: `{% months form.season_months patterns=patterns %}`.

    `patterns` are mappings with label and months (list of int): buttons that choose these months.
    """
    raw = control.value() or []
    chosen = {str(value) for value in raw}
    boxes = format_html_join(
        "",
        '<label title="{}"><input type="checkbox" name="{}" value="{}" aria-label="{}"{}>{}</label>',
        (
            (
                MONTHS[n],
                control.html_name,
                n,
                MONTHS[n],
                attributes({"checked": str(n) in chosen}),
                str(MONTHS_3[n]).title(),
            )
            for n in range(1, 13)
        ),
    )
    presses = format_html_join(
        "",
        '<button class="btn btn-sm" type="button" data-months="{}" aria-pressed="{}">{}</button>',
        (
            (
                ",".join(map(str, pattern["months"])),
                "true" if {str(n) for n in pattern["months"]} == chosen else "false",
                pattern["label"],
            )
            for pattern in patterns
        ),
    )
    row = (
        format_html('<div class="fp-acts fp-gap" role="group" aria-label="{}">{}</div>', _("Templates"), presses)
        if presses
        else NOTHING
    )
    return format_html(
        '<fieldset class="fp-c12" id="{}" data-months-of><legend class="form-label">{}</legend>{}<div class="fp-months">{}</div>{}{}</fieldset>',
        control.auto_id,
        control.label,
        row,
        boxes,
        _help(control.help_text, f"{control.auto_id}-h"),
        _error(control, f"{control.auto_id}-e"),
    )


def duplicate_hint(matches: Iterable[Mapping[str, Any]], id: str = "duplicates", checked: object = "") -> SafeString:
    """Records that may be the same: mappings with name, url, kind, score (0–100), reasons, note; or protected=text for hidden ones.

    `{% duplicate_hint matches %}`; the element is there even without a match, for htmx to fill.
    """
    lines = format_html_join("", "<li>{}</li>", ((_twin(match),) for match in matches))
    inner = (
        format_html(
            '<div class="fp-twin"><div class="fp-twin__head">{}<div><b>{}</b><small>{}</small></div></div><ul>{}</ul></div>',
            icon("copy-check"),
            _("Perhaps there already"),
            checked or _("Compared: name, phone, address, domain"),
            lines,
        )
        if lines
        else NOTHING
    )
    return format_html('<div id="{}" role="status">{}</div>', id, inner)


def _twin(match: Mapping[str, Any]) -> SafeString:
    if match.get("protected"):
        return format_html(
            '<div class="fp-twin__name">{}<span class="fp-grow">{}</span></div><p class="fp-mute fp-mt">{}</p>',
            icon("lock", tone="amber", size="m"),
            _("A protected entry"),
            match["protected"],
        )
    tone = "red" if match["score"] >= 90 else "amber"
    reasons = format_html_join(
        "",
        '<span class="fp-tag fp-tone-plain">{}{}</span>',
        ((icon("check"), reason) for reason in match.get("reasons", ())),
    )
    return format_html(
        '<div class="fp-twin__name">{}<a href="{}">{}</a><span class="fp-score fp-tone-{}">{} %</span></div>'
        '<div class="fp-why">{}</div><p class="fp-mute">{}</p>',
        mark(match.get("kind")),
        match["url"],
        match["name"],
        tone,
        match["score"],
        reasons,
        match.get("note", ""),
    )
