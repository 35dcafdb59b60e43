"""What is pressed, and what tells: buttons, alerts, menus, dialogs, states."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from crm.core.components.html import NOTHING, attributes
from crm.core.components.html import icon as icon_of
from crm.core.components.signs import kbd

# icons: #i-circle-check--filled #i-info-circle #i-alert-triangle--filled #i-alert-circle--filled
TONE_ICONS = {
    "green": "circle-check--filled",
    "blue": "info-circle",
    "amber": "alert-triangle--filled",
    "red": "alert-circle--filled",
    "slate": "info-circle",
}
ARTS = {
    "list": '<rect class="a" x="24" y="22" width="120" height="20" rx="6"/><rect class="b" x="34" y="29" width="46" height="6" rx="3"/>'
    '<rect class="a" x="24" y="48" width="120" height="20" rx="6"/><rect class="b" x="34" y="55" width="64" height="6" rx="3"/>'
    '<rect class="a" x="24" y="74" width="120" height="20" rx="6"/><rect class="b" x="34" y="81" width="38" height="6" rx="3"/>'
    '<circle class="d" cx="120" cy="66" r="22"/><path class="c" d="M136 82l12 12M112 58l16 16m0-16l-16 16"/>',
    "box": '<rect class="a" x="34" y="38" width="100" height="62" rx="8"/><path class="b" d="M34 58h100v6H34z"/>'
    '<path class="a" d="M34 50l18-22h64l18 22z"/><path class="d" d="M68 50V38h32v12"/><path class="c" d="M84 78v-14m-7 7l7-7 7 7"/>'
    '<circle class="d" cx="134" cy="30" r="13"/><path class="c" d="M129 30l4 4 7-8"/>',
    "lock": '<rect class="a" x="44" y="16" width="80" height="88" rx="8"/><rect class="b" x="56" y="30" width="40" height="6" rx="3"/>'
    '<rect class="b" x="56" y="42" width="56" height="6" rx="3"/><rect class="b" x="56" y="54" width="48" height="6" rx="3"/>'
    '<rect class="d" x="66" y="70" width="36" height="28" rx="7"/><path class="c" d="M74 70v-6a10 10 0 0120 0v6"/>'
    '<path class="c" d="M84 80v7"/>',
}


def button(
    label: object,
    url: str = "",
    icon: str = "",
    kind: str = "",
    size: str = "",
    key: str = "",
    locked: object = "",
    only_icon: bool = False,
    type: str = "button",
    **more: Any,
) -> SafeString:
    """A button, or with `url` a link that looks like one. One primary a page.

    `kind` primary, ghost or danger; `size` sm or lg; `key` the key that does the same; `locked` the reason why it cannot be
    pressed (it stays visible); `only_icon` names it by `label` without showing it. Other parameters become attributes:
    `{% button _("Save") type="submit" kind="primary" key="Ctrl ↵" %}` `{% button _("Columns") popovertarget="pop-columns" %}`.
    """
    classes = [
        "btn",
        *([f"btn-{kind}"] if kind else []),
        *([f"btn-{size}"] if size else []),
        *(["btn-icon"] if only_icon else []),
    ]
    classes += [str(more.pop("css"))] if "css" in more else []
    inner = format_html(
        "{}{}{}{}",
        icon_of(icon) if icon else NOTHING,
        NOTHING if only_icon else label,
        format_html(' <kbd aria-hidden="true">{}</kbd>', key) if key else NOTHING,
        format_html('<span class="visually-hidden">. {}</span>', locked) if locked and not only_icon else NOTHING,
    )
    named = {"aria-label": f"{label}. {locked}" if locked else label} if only_icon else {}
    why = {"aria-disabled": "true", "title": locked, "data-why": locked} if locked else {}
    title = {"title": label} if only_icon and not locked else {}
    rest = attributes({**named, **why, **title, **more})
    if url and not locked:
        return format_html('<a class="{}" href="{}"{}>{}</a>', " ".join(classes), url, rest, inner)
    return format_html(
        '<button class="{}" type="{}"{}>{}</button>', " ".join(classes), "button" if locked else type, rest, inner
    )


def copy_line(value: object, label: object) -> SafeString:
    """Text to be carried elsewhere, whole, with a button that copies it: `{% copy_line address _("Webhook address") %}`."""
    return format_html(
        '<p class="fp-share"><input class="form-control" readonly value="{}" aria-label="{}">{}</p>',
        value,
        label,
        button(_("Copy"), icon="copy", data_copy=_("Copied.")),
    )


def alert(
    content: SafeString, tone: str = "blue", icon: str = "", role: str = "", tools: SafeString = NOTHING
) -> SafeString:
    """A message in the page: `{% alert tone="amber" %}<b>…</b> …{% endalert %}`; `tools` buttons at its end, `role` alert or status."""
    return format_html(
        '<div class="fp-alert fp-tone-{}"{}>{}<div>{}</div>{}</div>',
        tone,
        attributes({"role": role}),
        icon_of(icon or TONE_ICONS.get(tone, "info-circle")),
        content,
        tools,
    )


def banner(content: SafeString, tone: str = "amber", icon: str = "info-circle") -> SafeString:
    """A line across the page's top: `{% banner tone="amber" icon="wifi-off" %}…{% endbanner %}`."""
    return format_html('<div class="fp-banner fp-tone-{}">{}<span>{}</span></div>', tone, icon_of(icon), content)


def empty_state(
    content: SafeString, title: object, art: str = "list", heading: str = "h2", tools: SafeString = NOTHING
) -> SafeString:
    """Nothing here: what this is, why it pays, one action.

    `{% empty_state title=_("No customer yet") art="box" tools=create %}<p>…</p>{% endempty_state %}`; `art` list, box or lock.
    """
    return format_html(
        '<div class="fp-empty"><svg class="fp-art" viewBox="0 0 168 112" aria-hidden="true">{}</svg><{}>{}</{}>{}{}</div>',
        SafeString(ARTS[art]),
        SafeString(heading),
        title,
        SafeString(heading),
        content,
        format_html('<div class="fp-acts">{}</div>', tools) if tools else NOTHING,
    )


def dialog(content: SafeString, id: str, title: object, tools: SafeString = NOTHING, css: str = "") -> SafeString:
    """A dialog that a `data-open="ID"` button opens: `{% dialog id="why" title=_("…") tools=buttons %}…{% enddialog %}`.

    Only before what cannot be undone, or for an answer that is missing. A form inside posts as usual; Escape and × close.
    """
    close = button(_("Close"), icon="x", kind="ghost", only_icon=True, data_close=True)
    return format_html(
        '<dialog class="{0}" id="{1}" aria-labelledby="{1}-title"><header class="fp-dialog__head"><h2 id="{1}-title">{2}</h2>{3}'
        '</header><div class="fp-dialog__body">{4}</div>{5}</dialog>',
        f"fp-dialog {css}".strip(),
        id,
        title,
        close,
        content,
        format_html('<footer class="fp-dialog__foot">{}</footer>', tools) if tools else NOTHING,
    )


def menu(content: SafeString, id: str, label: object) -> SafeString:
    """A popover that a `popovertarget="ID"` button opens: `{% menu id="m-more" label=_("More") %}…{% endmenu %}`."""
    return format_html(
        '<div class="fp-menu" popover role="dialog" id="{}" aria-label="{}">{}</div>', id, label, content
    )


def menu_item(
    label: object, url: str = "", icon: str = "", key: str = "", type: str = "button", **more: Any
) -> SafeString:
    """A line of a menu: a link with `url`, else a button: `{% menu_item _("Trash") url=trash icon="trash" key="G P" %}`."""
    inner = format_html("{}<span>{}</span>{}", icon_of(icon) if icon else NOTHING, label, kbd(key) if key else NOTHING)
    rest = attributes(more)
    if url:
        return format_html('<a class="fp-menu__item" href="{}"{}>{}</a>', url, rest, inner)
    return format_html('<button class="fp-menu__item" type="{}"{}>{}</button>', type, rest, inner)


def skeleton(rows: int = 3) -> SafeString:
    """The shape of what is loading; shows after 200 ms."""
    bars = format_html_join("", '<i class="is-{}"></i>', (("lms"[n % 3],) for n in range(rows)))
    return format_html('<div class="fp-wait"><div class="fp-skeleton" aria-hidden="true">{}</div></div>', bars)


def steps(labels: Iterable[object], current: int) -> SafeString:
    """The steps of a task, `current` counted from 1: `{% steps labels current=2 %}`."""
    lines = format_html_join("", "{}", ((_step(n, label, current),) for n, label in enumerate(labels, 1)))
    return format_html('<ol class="fp-steps" aria-label="{}">{}</ol>', _("Steps"), lines)


def _step(number: int, label: object, current: int) -> SafeString:
    if number < current:
        done = _("done")
        return format_html(
            '<li class="is-done"><span>{}</span>{}<span class="visually-hidden">, {}</span></li>',
            icon_of("check", size="s"),
            label,
            done,
        )
    now = attributes({"aria-current": "step" if number == current else None})
    return format_html("<li{}><span>{}</span>{}</li>", now, number, label)


def tally(lines: Iterable[Mapping[str, Any]]) -> SafeString:
    """Counts beside each other: mappings with label, value, and optionally icon and tone. `{% tally lines %}`"""
    cells = format_html_join(
        "",
        "<div><dt>{}{}</dt><dd>{}</dd></div>",
        (
            (
                icon_of(line["icon"], tone=line.get("tone", "")) if line.get("icon") else NOTHING,
                line["label"],
                line["value"],
            )
            for line in lines
        ),
    )
    return format_html('<dl class="fp-tally">{}</dl>', cells)


def progress(value: int, max: int, label: object) -> SafeString:
    """How far something is: `{% progress 11602 max=18240 label=_("Rows") %}`."""
    return format_html(
        '<progress class="fp-progress" max="{}" value="{}" aria-label="{}"></progress>', max, value, label
    )
