"""The components as template tags. Built in: no `{% load %}` is needed. Usage stands in each function's docstring."""

from __future__ import annotations

from django import template

from crm.core.components import controls, forms, html, lists, records, signs

register = template.Library()

for _function in (
    html.icon,
    signs.kbd,
    signs.logo,
    signs.year,
    signs.avatar,
    signs.person,
    signs.mark,
    signs.status,
    signs.tag,
    signs.count,
    signs.due,
    signs.season,
    controls.button,
    controls.copy_line,
    controls.menu_item,
    controls.skeleton,
    controls.steps,
    controls.tally,
    controls.progress,
    records.field,
    records.audit,
    forms.form_field,
    forms.error_summary,
    forms.choice,
    forms.months,
    forms.duplicate_hint,
    lists.view_tabs,
    lists.filter_chip,
    lists.column_picker,
    lists.sort_head,
    lists.pager,
):
    register.simple_tag(_function)

for _block in (
    controls.alert,
    controls.banner,
    controls.empty_state,
    controls.dialog,
    controls.menu,
    records.panel,
    records.facts,
    records.fact,
    lists.filter_bar,
):
    register.simple_block_tag(_block)
