"""Jobs, long tasks and change sets under /api/."""
