"""The product in a real browser, against a live server in the tests' own process."""
