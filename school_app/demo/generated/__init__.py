"""Schools by the numbers: as many and as large as asked for, with years of registers, alerts, cases and history.

`flask demo generate` makes them; docs/decisions/0035 says how and why.
"""
