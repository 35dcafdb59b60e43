"""Settings under /api/."""
