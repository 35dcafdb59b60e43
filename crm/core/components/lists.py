"""Parts of a list: views, filter chips, columns, sorting, paging."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from crm.core.components.controls import button
from crm.core.components.html import NOTHING, attributes, icon
from crm.core.components.signs import kbd
from crm.core.templatetags.formats import number


def view_tabs(tabs: Iterable[Mapping[str, Any]], label: object = "") -> SafeString:
    """Views of a list: mappings with label, url, and optionally current, count, icon, changed. `{% view_tabs tabs %}`"""
    links = format_html_join(
        "",
        '<a href="{}"{}>{}{}{}{}</a>',
        (
            (
                tab["url"],
                attributes({"aria-current": "page" if tab.get("current") else None}),
                icon(tab["icon"]) if tab.get("icon") else NOTHING,
                tab["label"],
                format_html(' <span class="num">{}</span>', _figure(tab["count"]))
                if tab.get("count") is not None
                else NOTHING,
                _changed() if tab.get("changed") else NOTHING,
            )
            for tab in tabs
        ),
    )
    return format_html('<nav class="fp-views" aria-label="{}">{}</nav>', label or _("Views"), links)


def _figure(value: object) -> object:
    return number(value) if isinstance(value, int) else value


def _changed() -> SafeString:
    text = _("changed")
    return format_html('<span class="fp-changed" title="{0}"><span class="visually-hidden">{0}</span></span>', text)


def filter_chip(
    field: object, op: object, value: object, remove_url: str, menu: str = "", edit_url: str = ""
) -> SafeString:
    """One condition: `{% filter_chip _("Status") _("is not") _("Archived") remove_url=url menu="pop-filter" %}`.

    A press opens the popover `menu`, or goes to `edit_url`; × goes to `remove_url`, the same list without it.
    """
    text = format_html('{} <span class="fp-chip__op">{}</span> {}', field, op, value)
    body = format_html('<span class="fp-chip__text">{}</span>', text)
    if menu:
        body = format_html('<button type="button" popovertarget="{}" data-place="below-start">{}</button>', menu, text)
    elif edit_url:
        body = format_html('<a href="{}">{}</a>', edit_url, text)
    remove = _("Remove filter %(field)s") % {"field": field}
    return format_html(
        '<span class="fp-chip">{}<a class="fp-chip__x" href="{}" aria-label="{}">{}</a></span>',
        body,
        remove_url,
        remove,
        icon("x"),
    )


def filter_bar(
    content: SafeString,
    action: str,
    query: str = "",
    hidden: Iterable[tuple[str, str]] = (),
    tools: SafeString = NOTHING,
) -> SafeString:
    """Search field, chips, tools: `{% filter_bar action=url query=q hidden=pairs tools=buttons %}chips…{% endfilter_bar %}`.

    The search is a GET form with `q`; `hidden` (name, value) pairs keep the rest of the list's address.
    """
    return format_html(
        '<div class="fp-filter"><form class="fp-filter__form" role="search" method="get" action="{}">{}<label class="fp-filter__find">{}'
        '<input type="search" name="q" id="find" value="{}" placeholder="{}" aria-label="{}" autocomplete="off">'
        '<kbd class="fp-key" aria-hidden="true">/</kbd></label></form><div class="fp-filter__chips" role="group" aria-label="{}">{}</div>'
        '<div class="fp-filter__tools">{}</div></div>',
        action,
        _hidden(hidden),
        icon("search", size="s"),
        query,
        _("Search"),
        _("Search in this list"),
        _("Filters"),
        content,
        tools,
    )


def _hidden(pairs: Iterable[tuple[str, str]]) -> SafeString:
    return format_html_join("", '<input type="hidden" name="{}" value="{}">', pairs)


def column_picker(
    columns: Iterable[Mapping[str, Any]],
    action: str,
    hidden: Iterable[tuple[str, str]] = (),
    density: str = "",
    name: str = "columns",
    id: str = "pop-columns",
) -> SafeString:
    """Which columns show, in which order, and how high rows are: mappings with key, label, shown, and fixed for one that stays.

    A GET form with one `name` per shown column, in their order, and `density`. A press on an arrow moves a column by one place:
    a script does it on the spot, without one the form sends `move=key:up`. The button that opens it has
    `popovertarget="pop-columns"`. `{% column_picker columns action=url hidden=pairs density=state.density %}`
    """
    lines = format_html_join(
        "",
        '<li><input class="form-check-input" type="checkbox" name="{0}" value="{1}" id="{2}-{1}"{3}><label for="{2}-{1}">{4}</label>{5}</li>',
        (
            (
                name,
                column["key"],
                id,
                attributes({"checked": column["shown"], "disabled": column.get("fixed", False)}),
                column["label"],
                icon("pin", size="s") if column.get("fixed") else _arrows(column),
            )
            for column in columns
        ),
    )
    heights = format_html_join(
        "",
        '<label title="{0}"><input type="radio" name="density" value="{1}"{2}><span aria-hidden="true">{3}</span>'
        '<span class="visually-hidden">{0}</span></label>',
        (
            (label, value, attributes({"checked": value == density}), shown)
            for value, label, shown in (
                ("", _("Rows as on this device"), icon("device-desktop", size="s")),
                ("compact", _("Low rows"), 32),
                ("normal", _("Usual rows"), 36),
                ("roomy", _("High rows"), 44),
            )
        ),
    )
    # The first button of a form is the one that Enter presses: it must not be an arrow.
    apply = button(_("Apply"), kind="primary", size="sm", type="submit")
    return format_html(
        '<div class="fp-menu fp-columns" popover role="dialog" id="{}" aria-label="{}"><form method="get" action="{}">{}'
        '<button class="visually-hidden" type="submit" tabindex="-1" aria-hidden="true"></button>'
        '<div class="fp-menu__head">{}</div><ul>{}</ul><div class="fp-menu__sep"></div>'
        '<div class="fp-menu__item" role="radiogroup" aria-label="{}">{}<span>{}</span><span class="fp-switch fp-end">{}</span></div>'
        '<div class="fp-acts fp-columns__foot">{}</div></form></div>',
        id,
        _("Choose columns"),
        action,
        _hidden(hidden),
        _("Visible columns"),
        lines,
        _("Height of rows"),
        icon("line-height"),
        _("Rows"),
        heights,
        apply,
    )


def _arrows(column: Mapping[str, Any]) -> SafeString:
    """Two buttons that move a column by one place."""
    ways = (("up", "chevron-up", _("%(column)s: up")), ("down", "chevron-down", _("%(column)s: down")))
    return format_html_join(
        "",
        '<button class="btn btn-ghost btn-icon" type="submit" name="move" value="{}:{}" data-move="{}" aria-label="{}">{}</button>',
        (
            (column["key"], way, way, text % {"column": column["label"]}, icon(name, size="s"))
            for way, name, text in ways
        ),
    )


def sort_head(
    label: object, key: str, url: str = "", sorted: str = "", num: bool = False, width: str = ""
) -> SafeString:
    """A column's head: `{% sort_head column.label column.key url=column.sort_url sorted=column.sorted num=column.num %}`.

    `url` sorts by it, `sorted` is asc, desc or "" (then no arrow); `num` right-aligns; `width` s, m or l.
    """
    direction = {"asc": "ascending", "desc": "descending"}.get(sorted)
    arrow = {"asc": icon("arrow-up"), "desc": icon("arrow-down")}.get(sorted, NOTHING)
    inner = format_html('<a href="{}">{}{}</a>', url, label, arrow) if url else format_html("{}", label)
    classes = f"fp-table__{key}" + (f" fp-w-{width}" if width else "") + (" num" if num else "")
    return format_html('<th scope="col" class="{}"{}>{}</th>', classes, attributes({"aria-sort": direction}), inner)


def pager(
    first: object,
    last: object,
    total: object = "",
    previous: str = "",
    next: str = "",
    as_of: object = "",
    hints: bool = True,
) -> SafeString:
    """Foot of a list by keyset: `{% pager first=51 last=100 total="10.000+" previous=url next=url as_of=time %}`.

    `previous` and `next` are addresses, empty at the ends; figures come formatted.
    """
    of = format_html(' {} <b class="num">{}</b>', _("of"), total) if total not in ("", None) else NOTHING
    return format_html(
        '<footer class="fp-foot"><span><b class="num">{}–{}</b>{}</span><nav class="fp-acts" aria-label="{}">{}{}</nav>{}{}</footer>',
        first,
        last,
        of,
        _("Pages"),
        _turn(_("Previous page"), "chevron-left", previous, "prev"),
        _turn(_("Next page"), "chevron-right", next, "next"),
        format_html('<span class="fp-foot__time">{} {}</span>', _("As of"), as_of) if as_of else NOTHING,
        _hints() if hints else NOTHING,
    )


def _turn(label: str, name: str, url: str, rel: str) -> SafeString:
    if url:
        return format_html(
            '<a class="btn btn-ghost" href="{}" rel="{}" aria-label="{}">{}</a>', url, rel, label, icon(name)
        )
    return format_html(
        '<span class="btn btn-ghost" role="link" aria-disabled="true" aria-label="{}">{}</span>', label, icon(name)
    )


def _hints() -> SafeString:
    known = (("J K", _("move")), ("↵", _("open")), ("F", _("filter")), ("?", _("all keys")))
    lines = format_html_join("", "<span>{} {}</span>", ((kbd(keys), text) for keys, text in known))
    return format_html('<span class="fp-foot__hints">{}</span>', lines)


# icons: #i-chevron-left #i-chevron-right #i-chevron-up #i-chevron-down
