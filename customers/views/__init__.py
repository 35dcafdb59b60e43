"""The doors of customers: each view reads a scope, calls one service or read, and renders."""
