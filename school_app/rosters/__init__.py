"""Rosters: bringing files into a school."""
