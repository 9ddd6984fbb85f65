"""How fast the history is read: `python -m bench.history`."""
