"""Pages of sign-in, profile, people and organisation."""
