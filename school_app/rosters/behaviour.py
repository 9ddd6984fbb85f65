"""behaviour.csv: incidents, one row for each student who took part.

Commands and jobs call this inside one school.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy import func, select

from school_app.accounts.models import Account
from school_app.behaviour.models import Incident
from school_app.core import clock
from school_app.rosters.csv_reader import Layout
from school_app.rosters.fields import Reader
from school_app.rosters.local import REASON, AnySession, File, Known, finished, ids_of
from school_app.rosters.merge import Counts, merge
from school_app.schools.due import note_due
from school_app.schools.models import School
from school_app.students.models import Student

BEHAVIOUR = Layout(
    ("sourcedId", "studentSourcedId", "date", "category", "severity", "description"), ("reportedBySourcedId",)
)


def import_behaviour(session: AnySession, file: File, known: Known) -> Counts:
    """Bring in incidents, one row for each student who took part. A reporter of another school is kept by name."""
    counts = Counts()
    students = ids_of(session, Student)
    today = clock.today(session.scalars(select(School.timezone)).one())
    staff = {sourced_id: (id_, name) for sourced_id, id_, name in _staff(session)}
    rows: dict[tuple[str, int], dict[str, Any]] = {}
    with file.path.open("rb") as stream:
        for read in file.rows(stream, BEHAVIOUR):
            row = _incident(read, file, known, students=students, staff=staff)
            if row is not None and row["occurred_on"] > today:
                message = f"{row['occurred_on']} has not come yet."
                file.wrong(read.row.line, "date", message, f"An incident has happened on {today} or before.")
            if row is not None:
                if (row["sourced_id"], row["student_id"]) in rows:
                    file.wrong(
                        read.row.line, "sourcedId", "The same student stands in it twice.", "Keep one of the rows."
                    )
                rows[(row["sourced_id"], row["student_id"])] = row
    file.problems.refuse_if_any()
    before = _days(session)
    merge(session, Incident, rows.values(), key=("sourced_id", "student_id"), counts=counts, reason=REASON)
    if counts.differences:
        # One that is corrected may have stood on any day on which an incident of a file stands.
        named = {row["occurred_on"] for row in rows.values()} | (before if counts.changed else set())
        note_due(session, min(named), max(named))
    finished(session, file, counts)
    return counts


def _days(session: AnySession) -> set[date]:
    """The first and the last day of the incidents that came with files."""
    columns = func.min(Incident.occurred_on), func.max(Incident.occurred_on)
    found = session.execute(select(*columns).where(Incident.sourced_id.is_not(None))).one()
    return {on for on in found if on is not None}


def _incident(
    read: Reader, file: File, known: Known, *, students: Mapping[str, int], staff: Mapping[str, tuple[int, str]]
) -> dict[str, Any] | None:
    sourced_id, student = read.text("sourcedId", needed=True), read.text("studentSourcedId", needed=True)
    on, severity = read.needed_day("date"), read.choice("severity", ("1", "2", "3", "4", "5"))
    category = read.text("category", needed=True, longest=120)
    description = read.text("description", needed=True, longest=4000)
    reporter = read.text("reportedBySourcedId")
    if student not in students:
        if student not in known.elsewhere:
            file.wrong(
                read.row.line, "studentSourcedId", f"There is no student {student!r}.", "Import the roster first."
            )
        return None
    id_, name = staff.get(reporter, (None, (known.reporters or {}).get(reporter)))
    if reporter and id_ is None:
        message = f"The reporter {name or reporter!r} has no account at this school."
        file.noted(
            read.row.line, "reportedBySourcedId", message, "The incident is kept with the reporter’s name or id."
        )
    return {
        "sourced_id": sourced_id,
        "student_id": students[student],
        "occurred_on": on,
        "category": category,
        "severity": int(severity or 1),
        "description": description,
        "reported_by": id_,
        "reported_by_name": name,
        "reported_by_sourced_id": reporter or None,
    }


def _staff(session: AnySession) -> list[tuple[str, int, str]]:
    accounts = session.scalars(select(Account).where(Account.sourced_id.is_not(None)))
    return [(one.sourced_id or "", one.id, one.name) for one in accounts]
