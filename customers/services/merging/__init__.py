"""Two accounts become one, and the way back."""

from customers.services.merging.choosing import LOSER, WINNER, Difference, differences
from customers.services.merging.merge import (
    MERGE,
    UNDO_DAYS,
    Merge,
    kept_instead_of,
    merge_customers,
    parties_of,
    undo_merge,
)

__all__ = [
    "LOSER",
    "MERGE",
    "UNDO_DAYS",
    "WINNER",
    "Difference",
    "Merge",
    "differences",
    "kept_instead_of",
    "merge_customers",
    "parties_of",
    "undo_merge",
]
