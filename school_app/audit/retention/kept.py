"""Cold files beside what the log says of them: whoever may change the manifest could list another file than was cooled.

`flask audit verify` asks it, inside all_schools(). Of a file that nothing is on record of, nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, scoped_session

from school_app.audit import runs
from school_app.audit.cold import proof
from school_app.audit.cold.models import ColdFile, ColdStatus
from school_app.audit.cold.proof import Wrong
from school_app.audit.cold.source import READ
from school_app.audit.models import ArchiveRun, RunStatus
from school_app.audit.retention.destroyed import Destroyed

AnySession = Session | scoped_session[Any]


def differing(session: AnySession, destroyed: Destroyed) -> Iterator[Wrong]:
    """What of the files that hold rows alone is not as the log, or the runs on record, say."""
    # In one statement, as a run may begin or end between two.
    latest = (
        select(ArchiveRun.status)
        .where(ArchiveRun.method == runs.DESTRUCTION)
        .order_by(ArchiveRun.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    statement = select(ColdFile, latest).where(ColdFile.status.in_(READ)).order_by(ColdFile.id)
    for listed, run in session.execute(statement, execution_options={"populate_existing": True}).all():
        if (record := destroyed.evidence.other_cooling(listed)) is not None:
            on_record = f"put on record on {record.at:%Y-%m-%d}, in row {record.row_id}"
            yield proof.of_listed(listed, f"{listed.path} is not listed as it was {on_record}.")
        # A run ends as done only where nothing is left of what it has begun.
        if listed.status is ColdStatus.DESTROYING and run in (None, RunStatus.DONE):
            yield proof.of_listed(listed, f"{listed.path} is listed as being destroyed, and no run has begun that.")
