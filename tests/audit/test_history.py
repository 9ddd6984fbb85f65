"""The history: one list over live and archived rows, by filters and cursor, of the own school alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select

from school_app.audit import queries
from school_app.audit.capture import REDACTED, Unaudited
from school_app.audit.events import Event
from school_app.audit.models import ArchivedAuditRow, AuditRow
from school_app.audit.queries import Filters
from school_app.audit.service import together
from school_app.core.acting import Acting, act_as
from school_app.schools.models import Subject
from school_app.students.models import Note
from tests.factories import TwoSchools, added
from tests.visits import log_in

NOW = datetime.now(UTC)


def rows(session: Any, world: Any, table: Any, days: list[int], offset: int = 0) -> None:
    session.execute(
        insert(table),
        [
            ({"id": offset + number} if offset else {})
            | {
                "created_at": NOW - timedelta(days=day),
                "actor_id": world.head.id,
                "actor_name": "Hilda",
                "event": "x.happened",
                "entity_type": "student",
                "entity_id": number,
                "student_id": world.student.id,
                "request_id": f"r{number // 2}",
            }
            for number, day in enumerate(days)
        ],
    )
    session.flush()


ALL = Filters(NOW - timedelta(days=4000), NOW + timedelta(days=1), event="x.happened")


def test_pages_go_over_the_seam_without_a_gap_or_a_double(session: Any, two_schools: TwoSchools) -> None:
    rows(session, two_schools.ours, AuditRow, list(range(130)))
    rows(session, two_schools.ours, ArchivedAuditRow, list(range(91, 241)), offset=10_000_000)
    seen, cursor, pages = [], None, 0
    while True:
        page = queries.history(session, ALL, cursor=cursor)
        seen += [(row.created_at, row.id) for row in page.rows]
        pages += 1
        if page.next is None:
            break
        cursor = page.next
    assert pages == 3
    assert len(seen) == len(set(seen)) == 280
    assert seen == sorted(seen, reverse=True)


def test_a_row_that_is_just_being_moved_is_shown_once(session: Any, two_schools: TwoSchools) -> None:
    rows(session, two_schools.ours, AuditRow, [100])
    live = session.scalars(select(AuditRow).where(AuditRow.event == "x.happened")).one()
    copy = {column.name: getattr(live, column.name) for column in AuditRow.__table__.columns}
    session.execute(insert(ArchivedAuditRow), [copy])
    assert len(queries.history(session, ALL).rows) == 1


def test_a_page_of_history_is_one_statement_wherever_its_rows_lie_and_one_of_the_manifest(
    session: Any, two_schools: TwoSchools, statements: list[str]
) -> None:
    rows(session, two_schools.ours, AuditRow, list(range(130)))
    cursor = queries.history(session, ALL).next
    statements.clear()
    queries.history(session, ALL, cursor=cursor)
    # The manifest of cold files is read whole for some years: a file a school and year, and its rows are limited later.
    [of_rows, of_files] = statements
    assert "audit_cold_file" in of_files
    # Each table has a limit of its own, and what they give together has one.
    assert of_rows.count("LIMIT") == len(queries.TABLES.models) + 1
    # Within each of them stands the school.
    assert of_rows.count(".school_id = ") == len(queries.TABLES.models)


def test_cold_files_are_not_asked_for_where_the_tables_fill_a_young_page(
    session: Any, two_schools: TwoSchools, statements: list[str]
) -> None:
    rows(session, two_schools.ours, AuditRow, list(range(130)))
    statements.clear()
    assert len(queries.history(session, ALL).rows) == queries.PAGE
    assert len(statements) == 1


def test_a_full_page_of_the_live_table_leaves_room_for_what_the_archive_has_of_the_same_days(
    session: Any, two_schools: TwoSchools
) -> None:
    rows(session, two_schools.ours, AuditRow, list(range(0, 260, 2)))
    rows(session, two_schools.ours, ArchivedAuditRow, list(range(1, 241, 2)), offset=10_000_000)
    seen = [row.created_at for row in queries.history(session, ALL).rows]
    assert seen == [NOW - timedelta(days=day) for day in range(100)]


def test_filters_narrow_and_another_schools_rows_never_show(session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    rows(session, ours, AuditRow, [1, 2, 3])
    nobody = Filters(ALL.since, ALL.until, event="x.happened", actor_id=ours.teacher.id)
    assert queries.history(session, nobody).rows == []
    found = queries.history(session, Filters(ALL.since, ALL.until, student_id=ours.student.id)).rows
    assert {row.school_id for row in found} == {ours.school.id}


def test_the_page_is_for_auditors_and_says_who_looked(client: Any, session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    rows(session, ours, AuditRow, [1])
    session.commit()
    assert log_in(client.application.test_client(), ours.admin).get("/audit").status_code == 403
    log_in(client, ours.auditor)
    page = client.get("/audit")
    assert "Hilda" in page.text
    assert client.get("/audit?from=2031-01-01&to=2030-01-01").status_code == 400
    assert client.get("/audit?actor=somebody").status_code == 400
    assert client.get("/audit?after=nonsense").status_code == 400
    looked = session.scalars(select(AuditRow.actor_id).where(AuditRow.event == Event.AUDIT_VIEWED)).all()
    assert looked == [ours.auditor.id]
    nothing = client.get("/audit?from=2001-01-01&to=2001-02-01").text
    assert "Nothing of this kind happened in these days." in nothing
    # That somebody looked, and at which days, is told in words.
    assert "1 January 2001 to 1 February 2001" in client.get("/audit").text


def test_one_event_shows_before_and_after_and_what_came_with_it(
    client: Any, session: Any, two_schools: TwoSchools
) -> None:
    ours = two_schools.ours
    act_as(session, Acting(ours.admin.id, "Amir", request_id="the-request"))
    subject = added(session, Subject(name="Latin"))
    subject.name = "Greek"
    session.commit()
    row = session.scalars(
        select(AuditRow).where(AuditRow.event == Event.ROW_CHANGED, AuditRow.entity_type == "subject")
    ).one()
    page = log_in(client, ours.auditor).get(f"/audit/{row.id}/{row.created_at.isoformat()}").text
    assert "Latin" in page
    assert "Greek" in page
    assert "added subject" in page
    assert client.get(f"/audit/{row.id}/2001-01-01T00:00:00+00:00").status_code == 404


def test_changes_are_captured_with_their_actor_and_old_values(session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    act_as(session, Acting(ours.head.id, "Hilda", ip="10.0.0.1", request_id="r-9"))
    ours.student.family_name = "Changed"
    session.flush()
    row = session.scalars(select(AuditRow).where(AuditRow.request_id == "r-9")).one()
    assert (row.event, row.student_id, row.actor_name, row.ip) == (
        Event.ROW_CHANGED,
        ours.student.id,
        "Hilda",
        "10.0.0.1",
    )
    assert row.changes == {"family_name": ["canary-ours 0", "Changed"]}


def test_a_change_that_is_rolled_back_leaves_no_row(session: Any, two_schools: TwoSchools) -> None:
    act_as(session, Acting(None, "nobody", request_id="gone"))
    attempt = session.begin_nested()
    added(session, Subject(name="Latin"))
    attempt.rollback()
    assert session.scalars(select(AuditRow).where(AuditRow.request_id == "gone")).all() == []


def test_what_a_note_says_is_not_in_the_history(session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    act_as(session, Acting(None, "x", request_id="note"))
    added(session, Note(student_id=ours.student.id, body="a secret", author_id=ours.head.id, author_name="H"))
    row = session.scalars(select(AuditRow).where(AuditRow.request_id == "note")).one()
    assert row.changes["body"] == [None, REDACTED]
    assert "a secret" not in str(row.changes)


def test_many_rows_are_changed_together_with_a_reason_only(session: Any, two_schools: TwoSchools) -> None:
    with pytest.raises(Unaudited):
        session.execute(insert(Subject), [{"name": "Latin"}])
    session.execute(insert(Subject), [{"name": "Latin"}], execution_options={"audit_reason": "a test"})
    told = session.scalars(select(AuditRow).where(AuditRow.event == Event.ROWS_CHANGED_TOGETHER)).all()
    assert [(row.reason, row.entity_type) for row in told][-1] == ("a test", "subject")


def test_rows_that_wait_for_each_other_are_written_once_and_in_their_order(
    session: Any, two_schools: TwoSchools, statements: list[str]
) -> None:
    act_as(session, Acting(None, "x", request_id="together"))
    written = select(AuditRow.changes).where(AuditRow.request_id == "together").order_by(AuditRow.id)
    with together(session):
        for name in ("Latin", "Greek"):
            with together(session):
                added(session, Subject(name=name))
        assert session.scalars(written).all() == []
        statements.clear()
    assert len(statements) == 1
    assert [row["name"] for row in session.scalars(written)] == [[None, "Latin"], [None, "Greek"]]


def test_nothing_is_committed_while_audit_rows_wait(session: Any, two_schools: TwoSchools) -> None:
    def broken_off() -> None:
        with together(session):
            added(session, Subject(name="Latin"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        broken_off()
    with pytest.raises(Unaudited):
        session.commit()
    session.rollback()
    session.commit()


def test_no_savepoint_is_set_while_audit_rows_wait(session: Any, two_schools: TwoSchools) -> None:
    with pytest.raises(Unaudited), together(session):
        session.begin_nested()
    session.rollback()
