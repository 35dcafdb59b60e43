"""Two demo organisations: invented names and figures on the kinds, streets and hours of real places."""
