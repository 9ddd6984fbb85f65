"""One archive run in a process of its own, whose memory can be told: `python -m bench.audit.run URL [MAX_ROWS]`.

With MAX_ROWS everything goes in batches, without it whole years go by exchange. It prints what it did as JSON; what it
takes to start, up to what `--dry-run` does, is not counted.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

from bench.audit.database import settings_for
from school_app import create_app
from school_app.archiving.at_work import at_work, step_through
from school_app.audit.archive import Limits, Run
from school_app.core.acting import Acting

# More rows than any year has: so none goes by exchange.
NEVER = 10**12


def main() -> int:
    """Archive, and print rows, seconds and notes."""
    url, max_rows = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else None
    with tempfile.TemporaryDirectory() as folder:
        settings = settings_for(url, Path(folder))
        with create_app(settings).app_context(), at_work(settings, Acting(actor_name="bench")) as session:
            limits = Limits() if max_rows is None else Limits(max_rows=max_rows, exchange_from=NEVER)
            run = Run(session, limits, started_by="bench")
            run.plan()
            session.rollback()
            began = time.perf_counter()
            step_through(session, run)
            seconds = time.perf_counter() - began
    print(json.dumps({"rows": run.moved, "seconds": seconds, "notes": run.record.notes}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
