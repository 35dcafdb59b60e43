"""The atoms of the pages as typed functions; `crm.core.templatetags.components` makes template tags of them."""
