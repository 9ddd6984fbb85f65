"""One archive run in a process of its own, so that its memory can be told: `python -m bench.audit.run URL [MAX_ROWS]`.

With MAX_ROWS everything goes in batches, without it whole years go by exchange. It prints what it did as JSON.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from pathlib import Path

from bench.audit.database import settings_for
from school_app import create_app
from school_app.audit.archive import Limits, Run
from school_app.core.acting import Acting, act_as
from school_app.core.db import unhurried_session
from school_app.core.tenancy import all_schools

NEVER = 10**12


def archive(max_rows: int | None) -> Limits:
    """The run's limits."""
    return Limits() if max_rows is None else Limits(max_rows=max_rows, exchange_from=NEVER)


def main() -> int:
    """Archive, and print rows, seconds and the highest use of memory in MiB."""
    url, max_rows = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else None
    with tempfile.TemporaryDirectory() as folder:
        settings = settings_for(url, Path(folder))
        with create_app(settings).app_context(), unhurried_session(settings) as session, all_schools(session):
            act_as(session, Acting(actor_name="bench"))
            session.connection()
            session.rollback()
            began = time.perf_counter()
            run = Run(session, archive(max_rows), started_by="bench")
            for _ in run.steps():
                session.commit()
            seconds = time.perf_counter() - began
    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"rows": run.moved, "seconds": seconds, "mib": highest, "notes": run.record.notes}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
