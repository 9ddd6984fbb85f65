"""What every feature stands on and no feature is known to: settings, database, tenancy, permissions, jobs.

Anyone may import it; it imports nothing of school_app outside itself.
"""
