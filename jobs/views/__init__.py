"""Pages under /settings/jobs/."""
