"""An admin brings a file in by the browser: tried first, confirmed, carried out by a job, in the own school alone."""

from __future__ import annotations

import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from school_app.attendance.models import Register, Source
from school_app.audit.models import AuditRow
from school_app.core import clock
from school_app.core.db import db
from school_app.core.jobs import JobRun
from school_app.core.tenancy import all_schools, use_school
from school_app.rosters import uploads
from school_app.rosters.models import Import, ImportStatus
from school_app.schools.models import CalendarDay, School
from school_app.students.models import Student
from tests.days import TODAY
from tests.factories import TwoSchools
from tests.rosters.bundles import school, write
from tests.visits import log_in, send
from workers import carrying, jobs


@pytest.fixture
def admin(client: Any, session: Any, two_schools: TwoSchools) -> Any:
    with all_schools(session):
        for slug, sourced_id in (("ours", "S1"), ("theirs", "S2")):
            session.scalars(select(School).where(School.slug == slug)).one().sourced_id = sourced_id
    session.commit()
    return log_in(client, two_schools.ours.admin)


def upload(client: Any, content: bytes, name: str, kind: str, **more: str) -> str:
    answer = send(client, "/admin/imports", kind=kind, file=(io.BytesIO(content), name), **more)
    assert answer.status_code == 303
    return str(answer.headers["Location"])


def work(app: Flask, session: Any) -> None:
    """Do the jobs that wait."""
    with all_schools(session):
        waiting = session.scalars(select(JobRun.id).where(JobRun.status == "queued").order_by(JobRun.id)).all()
    session.commit()
    with app.app_context():
        for job_run_id in waiting:
            carrying.carry_out(job_run_id)
        db.session.remove()
    session.expire_all()


def days(session: Any) -> int:
    return int(session.scalar(select(func.count()).select_from(CalendarDay)))


CALENDAR = b"schoolSourcedId,date,dayType\nS1,2031-03-03,instructional\nS1,2031-03-04,holiday\n"


def test_a_file_is_tried_then_confirmed_then_there(app: Flask, session: Any, admin: Any) -> None:
    before = days(session)
    page = upload(admin, CALENDAR, "calendar.csv", "calendar")
    assert "The file is being tried." in admin.get(page).text
    work(app, session)
    shown = admin.get(page).text
    assert "What would change" in shown
    assert days(session) == before
    assert send(admin, f"{page}/confirm").status_code == 303
    work(app, session)
    assert "What has changed" in admin.get(page).text
    assert days(session) == before + 2


def test_a_wrong_file_shows_its_lines_and_writes_nothing(app: Flask, session: Any, admin: Any) -> None:
    before = days(session)
    page = upload(admin, CALENDAR.replace(b"holiday", b"hollyday"), "calendar.csv", "calendar")
    work(app, session)
    shown = admin.get(page).text
    assert "calendar.csv, line 3, column dayType" in shown
    assert "Bring it in" not in shown
    send(admin, f"{page}/confirm")
    work(app, session)
    assert days(session) == before


def test_rows_of_another_school_are_no_business_of_this_one(app: Flask, session: Any, admin: Any) -> None:
    page = upload(admin, CALENDAR.replace(b"S1", b"S2"), "calendar.csv", "calendar")
    work(app, session)
    assert "There is no school &#39;S2&#39;" in admin.get(page).text


def test_a_roster_that_takes_students_away_is_stopped_until_forced(
    app: Flask, session: Any, admin: Any, tmp_path: Path
) -> None:
    content = write(tmp_path / "b.zip", school()).read_bytes()
    page = upload(admin, content, "b.zip", "roster")
    work(app, session)
    assert "would take away 6 of 6 students" in admin.get(page).text
    assert session.scalar(select(func.count()).select_from(Student)) == 6
    page = upload(admin, content, "b.zip", "roster", force="yes")
    work(app, session)
    send(admin, f"{page}/confirm", force="yes")
    work(app, session)
    active = select(Student.given_name).where(Student.is_active).order_by(Student.given_name)
    assert session.scalars(active).all() == ["Ann", "Ben"]


def test_a_file_that_was_thrown_away_cannot_be_confirmed(app: Flask, session: Any, admin: Any, settings: Any) -> None:
    page = upload(admin, CALENDAR, "calendar.csv", "calendar")
    work(app, session)
    row = session.scalars(select(Import).order_by(Import.id.desc()).limit(1)).one()
    path = settings.data_dir / "uploads" / row.stored_as
    assert path.stat().st_mode & 0o077 == 0 or path.parent.stat().st_mode & 0o077 == 0
    send(admin, f"{page}/drop")
    session.expire_all()
    assert (row.status, path.exists()) == (ImportStatus.REFUSED, False)
    send(admin, f"{page}/confirm")
    session.expire_all()
    assert row.dry_run


def attendance(*rows: str) -> bytes:
    return "\n".join(["studentSourcedId,date,session,code", *rows, ""]).encode()


def test_a_file_of_attendance_speaks_for_the_days_that_were_named_with_it(
    app: Flask, session: Any, admin: Any, two_schools: TwoSchools
) -> None:
    ours = two_schools.ours
    school_id, named = ours.school.id, {"from": str(TODAY - timedelta(6)), "to": str(TODAY - timedelta(3))}
    content = attendance(f"{ours.student.sourced_id},{TODAY - timedelta(4)},DAY,absent_excused")
    page = upload(admin, content, "attendance.csv", "attendance", **named)
    work(app, session)
    shown = admin.get(page).text
    assert "Speaks for" in shown
    send(admin, f"{page}/confirm")
    work(app, session)
    with use_school(session, school_id):
        stated = select(func.count()).select_from(Register).where(Register.source == Source.IMPORT)
        assert session.scalar(stated) == 8


def test_a_file_without_rows_says_so_unless_days_are_named(app: Flask, session: Any, admin: Any) -> None:
    page = upload(admin, attendance(), "attendance.csv", "attendance")
    work(app, session)
    assert "No row is about a student of School canary-ours" in admin.get(page).text
    named = {"from": str(TODAY - timedelta(6)), "to": str(TODAY - timedelta(3))}
    page = upload(admin, attendance(), "attendance.csv", "attendance", **named)
    work(app, session)
    assert '<td class="number">8</td>' in admin.get(page).text


@pytest.mark.parametrize(
    ("kind", "days", "said"),
    [
        ("attendance", {"from": "2026-03-02"}, "Days: name both the first and the last, or neither."),
        ("attendance", {"from": "2026-03-02", "to": "soon"}, "Last day: &#39;soon&#39; is no day"),
        ("calendar", {"from": "2026-03-02", "to": "2026-03-03"}, "only a file of attendance speaks for days"),
    ],
)
def test_days_that_cannot_be_meant_are_refused_with_the_upload(
    admin: Any, kind: str, days: dict[str, str], said: str
) -> None:
    assert upload(admin, CALENDAR, "file.csv", kind, **days).endswith("/admin/imports")
    assert said in admin.get("/admin/imports").text


def stored(app: Flask) -> list[Path]:
    return list((app.config["FORMROOM"].data_dir / "uploads").glob("*"))


def test_no_file_is_kept_longer_than_it_is_needed(app: Flask, session: Any, admin: Any) -> None:
    before = set(stored(app))
    page = upload(admin, CALENDAR, "calendar.csv", "calendar")
    (kept,) = set(stored(app)) - before
    assert kept.stat().st_mode & 0o077 == 0
    work(app, session)
    assert kept.exists()
    send(admin, f"{page}/confirm")
    work(app, session)
    upload(admin, CALENDAR.replace(b"holiday", b"hollyday"), "calendar.csv", "calendar")
    work(app, session)
    assert set(stored(app)) == before
    upload(admin, CALENDAR, "calendar.csv", "calendar")
    work(app, session)
    session.execute(update(Import).values(created_at=clock.now() - timedelta(days=8)))
    session.commit()
    with app.app_context(), all_schools(db.session):
        assert jobs.prune_uploads() == {"thrown away": 1}
        db.session.commit()
        db.session.remove()
    assert set(stored(app)) == before


def test_a_school_cannot_fill_the_disk_with_files_that_wait(app: Flask, session: Any, admin: Any) -> None:
    for _ in range(uploads.MOST_KEPT):
        upload(admin, CALENDAR, "calendar.csv", "calendar")
    send(admin, "/admin/imports", kind="calendar", file=(io.BytesIO(CALENDAR), "calendar.csv"))
    assert "20 files wait here already" in admin.get("/admin/imports").text


def test_the_history_says_which_file_came_and_which_was_refused(app: Flask, session: Any, admin: Any) -> None:
    page = upload(admin, CALENDAR, "calendar.csv", "calendar")
    work(app, session)
    send(admin, f"{page}/confirm")
    work(app, session)
    upload(admin, CALENDAR.replace(b"S1", b"S2"), "other.csv", "calendar")
    work(app, session)
    told = session.execute(
        select(AuditRow.event, AuditRow.reason)
        .where(AuditRow.event.in_(["import.finished", "import.refused"]))
        .order_by(AuditRow.id)
    ).all()
    assert [tuple(one) for one in told] == [
        ("import.finished", "calendar.csv: 2 rows written"),
        ("import.refused", "other.csv: nothing was written"),
    ]


def test_an_incident_from_a_file_stands_in_the_childs_own_history(
    app: Flask, session: Any, admin: Any, two_schools: TwoSchools
) -> None:
    student_id = two_schools.ours.student.id
    two_schools.ours.student.sourced_id = "K1"
    session.commit()
    lines = "sourcedId,studentSourcedId,date,category,severity,description\n{},K1,{},Fight,3,In the yard.\n"
    today = clock.today("UTC")
    page = upload(admin, lines.format("I1", today).encode(), "behaviour.csv", "behaviour")
    work(app, session)
    send(admin, f"{page}/confirm")
    work(app, session)
    row = session.scalars(
        select(AuditRow)
        .where(AuditRow.entity_type == "incident", AuditRow.student_id == student_id)
        .order_by(AuditRow.id.desc())
        .limit(1)
    ).one()
    assert row.changes["description"] == [None, "In the yard."]
    page = upload(admin, lines.format("I2", today + timedelta(days=2)).encode(), "behaviour.csv", "behaviour")
    work(app, session)
    assert "has not come yet" in admin.get(page).text
