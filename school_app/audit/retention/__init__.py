"""How long audit rows are kept, what stops their end, and their destruction on record.

What stands for what is docs/decisions/0028.
"""
