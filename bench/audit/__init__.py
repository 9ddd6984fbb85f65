"""The audit log measured beside the tools a database administrator would use: `make bench-audit`."""
