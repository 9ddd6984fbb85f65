"""Who has seen a child's record: by person, how often and when last, for those who may know."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from school_app.audit.events import Event
from school_app.audit.models import ArchivedAuditRow, AuditRow
from school_app.core import clock
from school_app.core.tenancy import use_school
from school_app.history import seen
from school_app.history.seen import seen_by
from tests.factories import TwoSchools
from tests.visits import log_in


def look(session: Any, student_id: int, *, event: Event = Event.STUDENT_VIEWED, days: float = 1, **who: Any) -> None:
    row = {"created_at": clock.now() - timedelta(days=days), "event": str(event), "student_id": student_id, **who}
    session.execute(insert(AuditRow), [row])


def test_looks_and_exports_are_counted_by_person_the_latest_first(session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    student, head, master = ours.students[3].id, ours.head.id, ours.form_master.id
    for days in (3, 2, 1):
        look(session, student, days=days, actor_id=head, actor_name="Hilda before" if days == 3 else "Hilda")
    look(session, student, event=Event.NOTE_READ, days=0.5, actor_id=master, actor_name="Max")
    look(session, student, event=Event.EXPORTED, days=5, actor_id=None, actor_name="a command")
    look(session, student, event=Event.ROW_CHANGED, days=0.1, actor_id=9, actor_name="who only changed")
    look(session, ours.students[4].id, days=1, actor_id=8, actor_name="who saw another child")
    look(session, student, days=seen.DAYS + 1, actor_id=7, actor_name="who looked long ago")
    found = seen_by(session, student)
    assert [(one.name, one.times) for one in found.lookers] == [("Max", 1), ("Hilda", 3), ("a command", 1)]
    assert clock.now() - found.lookers[1].last_at < timedelta(days=1, minutes=1)
    assert not found.is_cut


def test_looks_that_were_archived_count_and_those_of_another_school_do_not(
    session: Any, two_schools: TwoSchools
) -> None:
    student = two_schools.ours.students[3].id
    row = {
        "created_at": clock.now() - timedelta(days=50),
        "event": str(Event.STUDENT_VIEWED),
        "student_id": student,
        "actor_id": 1,
    }
    session.execute(insert(ArchivedAuditRow), [{**row, "id": 7_000_000, "actor_name": "archived"}])
    with use_school(session, two_schools.theirs.school.id):
        session.execute(insert(AuditRow), [{**row, "actor_name": two_schools.theirs.canary}])
    assert [one.name for one in seen_by(session, student).lookers] == ["archived"]


def test_of_very_many_looks_the_latest_are_counted_and_that_is_said(
    session: Any, two_schools: TwoSchools, monkeypatch: pytest.MonkeyPatch
) -> None:
    student = two_schools.ours.students[3].id
    monkeypatch.setattr(seen, "MOST", 2)
    for days, expected in ((1, False), (2, False), (3, True)):
        look(session, student, days=days, actor_id=1, actor_name="Max")
        found = seen_by(session, student)
        assert (found.lookers[0].times, found.is_cut) == (min(days, 2), expected)


def test_an_admin_sees_who_looked_and_others_do_not(app: Any, session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    student = ours.student.id
    look(session, student, actor_id=ours.head.id, actor_name="Hilda Head")
    session.commit()
    pages = {
        name: log_in(app.test_client(), getattr(ours, name)).get(f"/students/{student}").text
        for name in ("admin", "form_master", "head", "teacher")
    }
    assert {name for name, page in pages.items() if "Who has seen this record" in page} == {"admin"}
    assert "Hilda Head" in pages["admin"]
    # The history is the auditor's, so an admin gets no link into it.
    assert "/audit?" not in pages["admin"]


def test_an_auditor_goes_on_from_who_looked_to_each_look(app: Any, session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    student, head = ours.student.id, ours.head.id
    look(session, student, actor_id=head, actor_name="Hilda Head")
    session.commit()
    auditor = log_in(app.test_client(), ours.auditor)
    page = auditor.get(f"/audit?student={student}").text
    panel = page.split("Who has seen this record", 1)[1]
    links = [part.split('"', 1)[0].replace("&amp;", "&") for part in panel.split('class="name" href="')[1:]]
    [onward] = [one for one in links if f"actor={head}&" in one]
    # As far back as is counted, which is further than the history goes by itself.
    assert f"from={(clock.now() - timedelta(days=seen.DAYS)).date()}" in onward
    assert auditor.get(onward).text.count("looked at the student") > 1
    assert "Who has seen this record" not in auditor.get("/audit").text


def test_who_looked_costs_as_many_statements_however_many_did(
    app: Any, session: Any, two_schools: TwoSchools, statements: list[str]
) -> None:
    ours = two_schools.ours
    student = ours.student.id
    session.commit()
    admin, counts = log_in(app.test_client(), ours.admin), []
    admin.get(f"/students/{student}")
    for people in (1, 40):
        for number in range(people):
            look(session, student, actor_id=1000 + number, actor_name=f"Person {number}")
        session.commit()
        statements.clear()
        assert f"Person {people - 1}" in admin.get(f"/students/{student}").text
        counts.append(len(statements))
    assert counts[0] == counts[1]
