"""`./freshplan faults`: the product under load while its parts are killed, stopped and restarted; what was lost is counted.

`installation` starts and hurts the product, `load` writes over HTTP, `hearing` sets up who is told,
`truth` counts in the tables as their owner, `report` writes docs/reliability.md.
"""
