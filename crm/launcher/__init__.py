"""What stands behind `./freshplan`: environment, servers, supervisor, commands.

Imported by the system's Python too, before the environment stands: standard library alone at module level.
"""
