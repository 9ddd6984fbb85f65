"""Audit rows past their years in the database: Parquet files by school and year, outside of it, readable by any engine.

What stands for what is docs/decisions/0023.
"""
