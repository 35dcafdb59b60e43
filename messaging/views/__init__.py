"""Pages of notices, mails and their wordings."""
