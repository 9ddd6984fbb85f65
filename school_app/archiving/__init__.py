"""Rows that move to an archive: who may move them, how fast, and the years by which the tables are partitioned.

The audit log uses it, and so do the registers of closed school years; nothing here knows whose rows they are.
"""
