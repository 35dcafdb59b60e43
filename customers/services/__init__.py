"""Every write of customers. Doors call these; nothing else writes."""

from customers.services.accounts import (
    assign_owner,
    create_customer,
    delete_customer,
    possible_owners,
    restore_customer,
    update_customer,
)
from customers.services.bulk import start_bulk
from customers.services.catalogue import (
    change_field,
    deactivate_field,
    define_field,
    edit_field,
    reactivate_field,
    set_hot,
)
from customers.services.catalogue_exchange import compare_catalogue, export_catalogue, import_catalogue
from customers.services.chains import may_change_chain, move_to_chain
from customers.services.churn import drop_silent_customers, lift_customer, outlook_of, silence_of
from customers.services.exports import download, export_batch, start_export
from customers.services.fields import write_fields
from customers.services.figures import keep_figures
from customers.services.grants import give_grant, possible_readers, revoke_grant
from customers.services.imports import fields_to_map, keep_upload, start_import, suggested
from customers.services.locking import chain_of, stands_for_owner
from customers.services.merging import merge_customers, undo_merge
from customers.services.orders import activate_customer, record_delivered_order
from customers.services.pairs import part_pair
from customers.services.people import (
    add_address,
    add_contact,
    change_address,
    change_contact,
    remove_address,
    remove_contact,
)
from customers.services.stages import decide_review, mark_prospects, tell_renewals
from customers.services.status import change_status
from customers.services.tags import set_tags

__all__ = [
    "activate_customer",
    "add_address",
    "add_contact",
    "assign_owner",
    "chain_of",
    "change_address",
    "change_contact",
    "change_field",
    "change_status",
    "compare_catalogue",
    "create_customer",
    "deactivate_field",
    "decide_review",
    "define_field",
    "delete_customer",
    "download",
    "drop_silent_customers",
    "edit_field",
    "export_batch",
    "export_catalogue",
    "fields_to_map",
    "give_grant",
    "import_catalogue",
    "keep_figures",
    "keep_upload",
    "lift_customer",
    "mark_prospects",
    "may_change_chain",
    "merge_customers",
    "move_to_chain",
    "outlook_of",
    "part_pair",
    "possible_owners",
    "possible_readers",
    "reactivate_field",
    "record_delivered_order",
    "remove_address",
    "remove_contact",
    "restore_customer",
    "revoke_grant",
    "set_hot",
    "set_tags",
    "silence_of",
    "stands_for_owner",
    "start_bulk",
    "start_export",
    "start_import",
    "suggested",
    "tell_renewals",
    "undo_merge",
    "update_customer",
    "write_fields",
]
