"""The history in an auditor's browser: names for numbers, people found by name, one event from all sides."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, insert, select

from school_app.audit import queries
from school_app.audit.events import Event
from school_app.audit.models import AuditRow
from school_app.audit.queries import Filters
from school_app.audit.retention.models import LegalHold, RetentionRule
from school_app.audit.retention.rules import DataClass
from school_app.core import clock
from school_app.core.acting import Acting, act_as
from school_app.core.db import Base
from school_app.core.tenancy import all_schools
from school_app.history.names import NAMINGS, names_of
from school_app.history.sentences import mentioned, tell
from school_app.schools.context import present_school
from school_app.schools.models import Subject
from tests.factories import TwoSchools, World, added
from tests.visits import log_in


def ids_of(session: Any, kind: str, world: World) -> list[int]:
    model = next(one.class_ for one in Base.registry.mappers if one.local_table.name == kind)
    owner = model.id if kind == "school" else model.school_id
    with all_schools(session):
        return list(session.scalars(select(model.id).where(owner == world.school.id).order_by(model.id)))


def test_every_kind_of_thing_is_named_from_its_row(session: Any, two_schools: TwoSchools) -> None:
    named, school_id = set(), two_schools.ours.school.id
    rule = {"data_class": DataClass.SCHOOL_LOG, "years": 5, "years_before": 7, "source": "An order of the district"}
    session.add(LegalHold(school_id=school_id, reason="A letter of the court", set_by_name="Ada"))
    session.add(RetentionRule(school_id=school_id, changed_by_name="Ada", **rule))
    session.flush()
    for kind in NAMINGS:
        ids = ids_of(session, kind, two_schools.ours)
        names = names_of(session, [(kind, id_) for id_ in ids], "Europe/London")
        for id_ in ids:
            assert " no. " not in names.of(kind, id_), kind
            assert names.with_kind(kind, id_)
            named.add(kind)
    assert NAMINGS.keys() - named <= {"alert_decision", "school_thresholds", "operator_entry", "case_event"}


def test_things_of_another_school_are_numbers(session: Any, two_schools: TwoSchools) -> None:
    for kind in NAMINGS:
        for id_ in ids_of(session, kind, two_schools.theirs):
            found = names_of(session, [(kind, id_)], "UTC").of(kind, id_)
            assert found.endswith(f" no. {id_}")
            assert two_schools.theirs.canary not in found


def test_a_register_is_named_by_its_form_and_day(session: Any, two_schools: TwoSchools) -> None:
    register = two_schools.ours.things["register"]
    name = names_of(session, [("register", register.id)], "UTC").with_kind("register", register.id)
    on = register.date
    assert name == f"register of 9A canary-ours, {on.day} {on:%B %Y}"


def test_what_is_gone_says_its_number(session: Any, two_schools: TwoSchools) -> None:
    subject = added(session, Subject(name="Latin"))
    id_ = subject.id
    assert names_of(session, [("subject", id_)], "UTC").with_kind("subject", id_) == "subject Latin"
    session.delete(subject)
    session.flush()
    assert names_of(session, [("subject", id_)], "UTC").with_kind("subject", id_) == f"subject no. {id_}"


def test_a_page_is_named_in_as_many_statements_however_many_rows_it_has(
    session: Any, two_schools: TwoSchools, statements: list[str]
) -> None:
    span = Filters(clock.now() - timedelta(days=1), clock.now() + timedelta(days=1))

    def counted() -> tuple[int, int]:
        rows = queries.history(session, span, size=1000).rows
        statements.clear()
        assert len(tell(rows, names_of(session, mentioned(rows), "UTC"))) == len(rows)
        return len(rows), len(statements)

    # Which years are closed is known from then on, as it is to every request.
    present_school(session)
    few, statements_for_few = counted()
    for number in range(200):
        session.add(Subject(name=f"Subject {number}"))
    session.flush()
    many, statements_for_many = counted()
    assert many == few + 200
    assert statements_for_many == statements_for_few <= len(NAMINGS)


def test_the_page_tells_whose_record_and_what_was_changed(auditor: Any, session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    act_as(session, Acting(ours.head.id, "Hilda"))
    ours.student.form_id = ours.other_form.id
    session.commit()
    page = auditor.get(f"/audit?student={ours.student.id}").text
    assert "Pupil canary-ours 0" in page
    assert "Form: 9A canary-ours → 9B canary-ours" in page
    assert "form_id" not in page


def test_a_person_is_found_by_name_and_the_look_is_recorded(
    auditor: Any, session: Any, two_schools: TwoSchools
) -> None:
    ours = two_schools.ours
    found = auditor.get("/audit?who=head&event=row.added")
    assert found.status_code == 303
    assert f"actor={ours.head.id}" in found.headers["Location"]
    assert "event=row.added" in found.headers["Location"]
    page = auditor.get(found.headers["Location"]).text
    assert "What head canary-ours did" in page
    reasons = session.scalars(select(AuditRow.reason).where(AuditRow.event == Event.AUDIT_VIEWED)).all()
    assert reasons[0] == f"looked for a name, found: actor {ours.head.id}"


def test_where_several_have_a_name_the_auditor_chooses(auditor: Any, session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    page = auditor.get("/audit?whom=Pupil").text
    assert "Which student?" in page
    assert page.count("Pupil canary-ours") == len(ours.students)
    assert two_schools.theirs.canary not in page
    assert f"student={ours.students[3].id}" in page
    reason = session.scalar(select(AuditRow.reason).where(AuditRow.event == Event.AUDIT_VIEWED))
    assert f"student {ours.students[3].id}" in reason
    assert "Pupil" not in reason


@pytest.mark.parametrize("text", ["canary-theirs", "P", "nobody at all", "%", "_upil"])
def test_a_name_that_is_nobodys_finds_nobody(auditor: Any, two_schools: TwoSchools, text: str) -> None:
    page = auditor.get("/audit", query_string={"whom": text, "who": text}).text
    assert page.count("No name was found") == 2
    assert "Pupil canary" not in page


def test_one_thing_has_its_whole_history(auditor: Any, session: Any, two_schools: TwoSchools) -> None:
    case = two_schools.ours.things["case"]
    past = {"created_at": clock.now() - timedelta(days=700), "actor_name": "an import of the past"}
    thing = {"event": "row.added", "entity_type": "intervention_case", "entity_id": case.id}
    session.execute(insert(AuditRow), [{**past, **thing}])
    session.commit()
    page = auditor.get(f"/audit?thing=intervention_case&entity={case.id}").text
    assert "an import of the past" in page
    assert "What happened to: case of Pupil canary-ours 0" in page
    assert "an import of the past" not in auditor.get("/audit?thing=intervention_case").text
    assert auditor.get(f"/audit?entity={case.id}").status_code == 400


def test_what_came_with_an_event_is_found_by_its_request_or_job(
    auditor: Any, session: Any, two_schools: TwoSchools
) -> None:
    for acting in (Acting(None, "a", request_id="r-1"), Acting(None, "b", job_id="77")):
        act_as(session, acting)
        for number in range(queries.TOGETHER_SHOWN + 5):
            added(session, Subject(name=f"{acting.actor_name} {number}"))
    session.commit()
    for mark, word in (("a", "request"), ("b", "job")):
        row = session.scalars(select(AuditRow).where(AuditRow.actor_name == mark).order_by(AuditRow.id)).first()
        page = auditor.get(f"/audit/{row.id}/{row.created_at.isoformat()}").text
        assert f"In the same {word}" in page
        onward = page.split("All of it")[0].rsplit('href="', 1)[1].split('"')[0].replace("&amp;", "&")
        assert f"subject {mark} 54" in auditor.get(onward).text
    assert session.scalar(select(func.count()).select_from(AuditRow).where(AuditRow.event == Event.AUDIT_VIEWED)) == 4


def test_an_event_of_another_school_is_not_there_and_that_is_recorded(
    auditor: Any, session: Any, two_schools: TwoSchools
) -> None:
    with all_schools(session):
        row = session.execute(
            select(AuditRow.id, AuditRow.created_at).where(AuditRow.school_id == two_schools.theirs.school.id).limit(1)
        ).one()
    answer = auditor.get(f"/audit/{row.id}/{row.created_at.isoformat()}")
    assert answer.status_code == 404
    assert two_schools.theirs.canary not in answer.text
    refused = session.scalars(select(AuditRow).where(AuditRow.event == Event.REFUSED)).one()
    assert f"/audit/{row.id}/" in refused.reason


def test_what_no_kind_is_called_is_said_so_and_rows_of_a_former_name_are_found(
    client: Any, session: Any, two_schools: TwoSchools
) -> None:
    session.execute(
        insert(AuditRow),
        [{"created_at": clock.now(), "actor_name": "Somebody of old", "event": "x.former", "entity_type": "slate"}],
    )
    session.commit()
    auditor = log_in(client, two_schools.ours.auditor)
    for asked in ("event=nonsense", "thing=nonsense", "thing=nonsense&entity=3"):
        page = auditor.get(f"/audit?{asked}").text
        assert "“nonsense” is no kind of" in page
        assert 'href="/audit"' in page
    for asked in ("event=x.former", "thing=slate"):
        page = auditor.get(f"/audit?{asked}").text
        assert "by today’s names" in page
        assert "Somebody of old" in page
    for asked in ("event=row.changed", "thing=student", "thing=student&entity=3", "thing=history_export"):
        assert "is no kind of" not in auditor.get(f"/audit?{asked}").text


def test_what_stands_under_a_long_history_is_led_to_from_above_it(
    client: Any, session: Any, two_schools: TwoSchools
) -> None:
    page = log_in(client, two_schools.ours.auditor).get(f"/audit?student={two_schools.ours.student.id}").text
    head, events = page.split('id="events"', 1)
    for place in ("seen", "take-away"):
        assert f'href="#{place}"' in head
        assert f'id="{place}"' in events
    # What is not there is not led to.
    assert 'href="#seal"' not in page
