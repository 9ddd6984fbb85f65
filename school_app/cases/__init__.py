"""Intervention cases: opened, worked step by step, reviewed and closed with an outcome."""
