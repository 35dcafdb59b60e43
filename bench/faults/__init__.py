"""`./freshplan faults`: the product under load while its parts are killed, stopped and restarted; what was lost is counted.

`installation` starts and hurts the product, `load` writes over HTTP, `receiver` is the other side of webhooks, `truth`
counts in the tables as their owner, `report` writes docs/reliability.md.
"""
