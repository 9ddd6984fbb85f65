"""How the server reads the history: the plans of the statements on audit rows.

flask audit explain prints them, and tests/plans hold them.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection

from school_app.core.db import plans
from school_app.core.db.plans import Step

# Read with every page once, from the manifest of cold files, which is small and has no partitions.
APART = "audit_cold_file"


def plan_of(connection: Connection, read: Callable[[], object]) -> list[Step]:
    """The plans of the statements on audit rows that a read sends on a connection; it is carried out once for that."""
    return plans.plan_of(connection, read, apart=APART)
