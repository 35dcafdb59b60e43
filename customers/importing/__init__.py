"""The import of customers: mapping, parsing, matching, writing. Callers use `import_customers`, or `import_batch` for a part of a file."""

from customers.importing.load import import_batch, import_customers
from customers.importing.mapping import ImportMapping
from customers.importing.report import ImportReport, RowIssue

__all__ = ["ImportMapping", "ImportReport", "RowIssue", "import_batch", "import_customers"]
