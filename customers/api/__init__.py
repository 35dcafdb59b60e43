"""Customers over the API: the same querysets, services and rights as the pages."""
