"""The audit log: capture, events, history, archive."""
