"""Alerts: rules on facts, decisions, risk profiles and thresholds."""
