"""Many customers in one go: a selection, a change, and a long task that does it batch by batch in one change set.

Each row is held to the same checks as a single one, by the same functions; what is refused is counted and named.
"""

from customers.services.bulk.batches import Place, change_batch
from customers.services.bulk.changes import COLUMNS, Change, change_of
from customers.services.bulk.selection import MOST_IDS, Selection
from customers.services.bulk.starting import BULK, start_bulk

__all__ = ["BULK", "COLUMNS", "MOST_IDS", "Change", "Place", "Selection", "change_batch", "change_of", "start_bulk"]
