"""What operators, auditors and admins have lists of: schools, jobs, runs, files and events."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import insert, update

from school_app.accounts.models import OperatorEntry
from school_app.alerts.models import Alert
from school_app.attendance.models import Register
from school_app.audit.cold.models import ColdFile, ColdStatus
from school_app.audit.events import Event
from school_app.audit.models import ArchivedAuditRow, ArchiveRun, AuditRow, AuditSeal, RunStatus
from school_app.audit.retention.models import LegalHold
from school_app.cases.models import Case
from school_app.core.jobs import JobRun, JobStatus
from school_app.history.models import ExportFormat, HistoryExport
from school_app.rosters.models import Import, ImportKind, ImportProblem
from school_app.schools.models import Form, School
from school_app.students.models import Note, Student
from tests.many.base import Many, people_of

# Nobody keeps more exports than history.exports allows.
EXPORTS = 20


def platform(many: Many, operator_id: int) -> None:
    """What operators have lists of, and what a school's admins and auditors have beside."""
    _schools(many)
    _jobs(many)
    _archive_runs(many)
    now = datetime.now(UTC)
    entered = {"operator_id": operator_id, "operator_name": "Olive", "reason": "To look.", "entered_at": now}
    many.write(OperatorEntry, ({**entered, "left_at": now} for _ in many.each()))
    held = {"reason": "A court asked.", "set_by_name": "Ada", "student_id": many.world.student.id}
    many.write(LegalHold, ({**held, "set_at": moment} for _, _, moment in many.each()))
    _imports(many)
    _exports(many)
    _destroyed_files(many)


def _schools(many: Many) -> None:
    schools = (
        {
            "slug": f"school{one}",
            "name": f"School {one}",
            "timezone": "UTC",
            "session_scheme": "day",
            "register_closes": "09:15",
            "is_active": True,
            "created_at": moment,
        }
        for one, _, moment in many.each()
    )
    many.connection.execute(insert(School), list(schools))


def _jobs(many: Many) -> None:
    for name in ("workers.jobs.evaluate_school", "workers.jobs.check_summaries"):
        many.write(
            JobRun,
            (
                {
                    "name": name,
                    "queue": "slow",
                    "arguments": {},
                    "status": JobStatus.FAILED if one % 2 else JobStatus.DONE,
                    "queued_at": moment,
                    "finished_at": moment,
                    "attempts": 1,
                    "error": "It broke." if one % 2 else None,
                }
                for one, _, moment in many.each()
            ),
        )


def _archive_runs(many: Many) -> None:
    many.connection.execute(
        insert(ArchiveRun),
        [
            {
                "cutoff": moment,
                "method": "batches",
                "status": RunStatus.DONE,
                "fencing_token": one,
                "started_by": "a worker",
                "started_at": moment,
                "finished_at": moment,
            }
            for one, _, moment in many.each()
        ],
    )


def _imports(many: Many) -> None:
    """Imports, and the problems of one of them."""
    world = many.world
    many.write(
        Import,
        (
            {
                "kind": ImportKind.CALENDAR,
                "status": "refused",
                "file_name": f"{one}.csv",
                "sha256": "0" * 64,
                "size_bytes": 1,
                "requested_by": world.admin.id,
                "requested_by_name": world.admin.name,
                "created_at": moment,
            }
            for one, _, moment in many.each()
        ),
    )
    refused = update(Import).where(Import.id == world.things["imported"].id).values(status="refused")
    many.connection.execute(refused.values(error_count=many.number))
    found = {"import_id": world.things["imported"].id, "severity": "error", "file": "a.csv", "remedy": "Do."}
    many.write(ImportProblem, ({**found, "line": one, "message": f"Wrong {one}"} for one, *_ in many.each()))


def _exports(many: Many) -> None:
    world = many.world
    many.write(
        HistoryExport,
        (
            {
                "session_key": f"{world.auditor.id}.{world.auditor.session_version}",
                "chosen": {"from": str(many.today), "to": str(many.today), "student": str(student)},
                "format": ExportFormat.CSV,
                "rows": 0,
                "is_cut": False,
                "requested_by": world.auditor.id,
                "requested_by_name": world.auditor.name,
                "created_at": datetime.now(UTC),
            }
            for student in many.ids(Student)[:EXPORTS]
        ),
    )


def _destroyed_files(many: Many) -> None:
    """Files of the audit log of long ago, none of which is there any more."""
    many.write(
        ColdFile,
        (
            {
                "year": 1900 + one,
                "path": f"{many.school_id}/{1900 + one}",
                **{"rows": 1, "first_id": 1, "last_id": 1, "bytes": 1},
                **{"first_at": moment, "last_at": moment, "written_at": moment, "destroyed_at": moment},
                **{"digest": "0" * 64, "sha256": "0" * 64, "cold_before": date(1901 + one, 1, 1)},
                "status": ColdStatus.DESTROYED,
            }
            for one, _, moment in many.each()
        ),
    )


def history(many: Many) -> None:
    """Events of many people on many students and things, looks at the first student, and the seals of days."""
    many.write(AuditRow, _events(many, Event.ROW_CHANGED, changes={"goal": ["A", "B"]}))
    many.write(AuditRow, _events(many, Event.STUDENT_VIEWED, student_id=many.world.student.id))
    many.write(
        ArchivedAuditRow,
        ({**row, "id": 10_000_000 + place} for place, row in enumerate(_events(many, Event.ROW_CHANGED))),
    )
    many.write(
        AuditSeal,
        (
            {
                "day": on,
                **{"above_id": one, "up_to_id": one + 1, "rows": 1, "first_id": one, "last_id": one},
                **{"digest": "0" * 64, "previous": "0" * 64, "hash": f"{one:064}", "sealed_at": moment},
            }
            for one, on, moment in many.each()
        ),
    )


def _events(many: Many, event: Event, **values: Any) -> Iterator[dict[str, Any]]:
    """Rows of the audit log of one kind; `values` are the same in all of them."""
    students, people = many.ids(Student), people_of(many)
    things = [
        *(("alert", one) for one in many.ids(Alert)),
        *(("intervention_case", one) for one in many.ids(Case)),
        *(("note", one) for one in many.ids(Note)),
        *(("form", one) for one in many.ids(Form)),
        *(("register", one) for one in many.ids(Register)),
    ]
    for one, _, moment in many.each():
        kind, id_ = things[one * 7 % len(things)]
        yield {
            "created_at": moment,
            "actor_id": people[one % len(people)],
            "actor_name": f"Person {one}",
            "event": event,
            "entity_type": kind,
            "entity_id": id_,
            "student_id": students[one % len(students)],
            "request_id": "the-same",
            **values,
        }
