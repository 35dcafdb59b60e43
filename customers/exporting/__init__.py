"""What a file of customers holds: columns by rights, and each customer's cells. Imports compare with it what comes back."""

from customers.exporting.columns import ExportColumn, columns_for
from customers.exporting.rows import cells_of

__all__ = ["ExportColumn", "cells_of", "columns_for"]
