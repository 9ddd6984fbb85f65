"""Old audit rows for tests of cold storage, and where each of them lies: "nowhere" and "twice" are what must not be."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import current_app
from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from school_app.archiving.models import ArchiveLease
from school_app.audit.cold import files
from school_app.audit.cold.cooling import Cooling, Limits
from school_app.audit.cold.models import ColdDay, ColdFile, ColdStatus
from school_app.audit.cold.rows import ARCHIVE, STORED
from school_app.audit.cold.store import Folder
from school_app.audit.digests import COLUMNS, row_hash
from school_app.audit.models import ArchiveRun, AuditRow, AuditSeal, SealRun
from school_app.audit.retention.models import RetentionRule
from school_app.audit.retention.rules import DataClass
from school_app.audit.seals import seal
from school_app.core import clock
from school_app.core.jobs import JobRun

SMALL = Limits(file_rows=6, group_rows=4, batch=3)
ODD = ("Ängström 🙂", "tab\there \\ back'slash\"", "", " trailing ", "-", "1:x", "\u200b", "x" * 200)
FIRST_ID = 5_000_000
GONE = (ColdStatus.DESTROYING, ColdStatus.DESTROYED, ColdStatus.LOST)


def years_ago(count: int) -> int:
    return clock.now().year - count


def row(id_: int, moment: datetime, school_id: int | None, **values: Any) -> dict[str, Any]:
    """One row with everything odd in it."""
    odd = ODD[id_ % len(ODD)]
    return {
        "id": id_,
        "created_at": moment,
        "school_id": school_id,
        "actor_id": None if id_ % 2 else 7,
        "actor_name": odd,
        "event": "row.changed",
        "entity_type": None if id_ % 3 else "student",
        "entity_id": id_,
        "student_id": id_ % 5 or None,
        "changes": None if id_ % 4 == 0 else {"name": [None, odd], "n": [1, 2.5]},
        "reason": ODD[-1 - id_ % len(ODD)] * (2 if id_ % 7 == 0 else 1),
        "ip": None,
        "request_id": f"r{id_ // 2}",
        "job_id": None,
        **values,
    }


def old_rows(year: int, schools: list[int | None], each: int = 8, first_id: int = FIRST_ID) -> list[dict[str, Any]]:
    """Rows of a year for each school, two a day, the last of them in the year's last microsecond."""
    last = datetime(year + 1, 1, 1, tzinfo=UTC) - timedelta(microseconds=1)
    begun = datetime(year, 1, 1, tzinfo=UTC)
    found = []
    for number, school_id in enumerate(schools):
        for count in range(each):
            moment = (
                last if count == each - 1 else begun + timedelta(days=720 // each * (count // 2), microseconds=count)
            )
            found.append(row(first_id + number + len(schools) * count, moment, school_id))
    return found


def begin_with(session: Session, rows: list[dict[str, Any]]) -> None:
    """Empty the log and cold storage for good, and put sealed rows into the archive."""
    session.rollback()
    for model in (ColdDay, ColdFile, ArchiveRun, ArchiveLease, AuditRow, AuditSeal, SealRun, JobRun):
        session.execute(delete(model))
    session.execute(delete(ARCHIVE))
    archive(session, rows)
    session.commit()
    shutil.rmtree(current_app.config["FORMROOM"].cold.folder, ignore_errors=True)


def archive(session: Session, rows: list[dict[str, Any]]) -> None:
    """Put rows into the archive, and seal them."""
    session.execute(ARCHIVE.insert(), rows)
    for _ in seal(session):
        session.flush()


def say_long_ago(session: Session, data_class: DataClass, years: int, school_id: int | None = None) -> None:
    """A rule that was set so long ago that it holds, with the row of the log that says so; not by the product."""
    at = clock.now() - timedelta(days=40)
    values = {"data_class": data_class, "years": years, "years_before": years, "source": "A law of some length"}
    of_rule = insert(RetentionRule).values(school_id=school_id, changed_at=at, changed_by_name="-", **values)
    rule_id = session.connection().execute(of_rule).inserted_primary_key[0]
    changes = {"data_class": [None, data_class.value], "years": [None, years]}
    session.add(
        AuditRow(
            created_at=at,
            school_id=school_id,
            actor_name="-",
            event="row.added",
            entity_type="retention_rule",
            entity_id=rule_id,
            changes=changes,
        )
    )
    session.flush()


def cooled(session: Session, place: Folder, limits: Limits = SMALL) -> Cooling:
    """A whole run, without its commits."""
    run = Cooling(session, place, limits, "a test")
    for _ in run.steps():
        session.flush()
    return run


def free(session: Session) -> None:
    """Let the next run begin at once after one that was broken off."""
    session.execute(update(ArchiveLease).values(holder=None))


def listed(session: Session) -> list[ColdFile]:
    return list(session.scalars(select(ColdFile).order_by(ColdFile.id).execution_options(populate_existing=True)))


def hashes_in_tables(session: Session, least_id: int = FIRST_ID) -> list[tuple[int, str]]:
    found = []
    for table in (AuditRow.__table__, ARCHIVE):
        columns = STORED if table is ARCHIVE else _stored(table)
        for one in session.execute(select(*columns).where(table.c.id >= least_id, table.c.id < 2 * FIRST_ID)):
            values = dict(zip(COLUMNS, one, strict=True))
            found.append((values["id"], row_hash(values)))
    return found


def _stored(table: Any) -> list[Any]:
    from sqlalchemy import Text, type_coerce

    return [type_coerce(table.c[name], Text) if name == "changes" else table.c[name] for name in COLUMNS]


def hashes_in_files(session: Session, place: Folder) -> list[tuple[int, str]]:
    """The rows that the manifest says are in cold storage alone."""
    found = []
    for one in listed(session):
        if one.status in GONE or not one.holds_alone:
            continue
        for group in files.groups(place, one.path):
            found += [(row["id"], row_hash(row)) for row in group if row["created_at"].date() < one.cold_before]
    return found


def everywhere(session: Session, place: Folder) -> list[tuple[int, str]]:
    """Each row's id and hash, once for each place where it lies."""
    return sorted(hashes_in_tables(session) + hashes_in_files(session, place))
