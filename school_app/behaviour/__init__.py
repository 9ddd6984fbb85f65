"""Incidents, positive records and the behaviour facts made from them."""
