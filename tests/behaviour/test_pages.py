"""Incidents and positive records: recorded by those who see the student, listed, and looked at on record."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from school_app.alerts.models import Alert, AlertStatus
from school_app.audit.events import Event
from school_app.audit.models import AuditRow
from school_app.behaviour.models import Incident, IncidentKind
from school_app.behaviour.queries import Filters, incidents
from school_app.students.access import Reach
from tests.days import TODAY
from tests.factories import TwoSchools, World, added
from tests.visits import hidden, log_in, send

REPORT = {
    "kind": "concern",
    "occurred_on": TODAY.isoformat(),
    "category": "Disruption",
    "severity": "4",
    "description": "Threw a chair.",
}


def url(world: World, number: int = 0) -> str:
    return f"/students/{world.students[number].id}/incidents/new"


def recorded(session: Any) -> list[Incident]:
    session.expire_all()
    return list(session.scalars(select(Incident).where(Incident.category == REPORT["category"])))


def many(session: Any, world: World, count: int, **values: Any) -> None:
    for number in range(count):
        given = {"kind": IncidentKind.CONCERN, "severity": 2, "occurred_on": TODAY - timedelta(number % 20)} | values
        added(
            session,
            Incident(student_id=world.student.id, category=f"Many {number}", description="Something.", **given),
        )


def test_an_incident_is_recorded_with_its_reporter(client: Any, session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    log_in(client, ours.teacher)
    assert send(client, url(ours), **REPORT).status_code == 303
    (found,) = recorded(session)
    assert (found.kind, found.severity, found.reported_by) == (IncidentKind.CONCERN, 4, ours.teacher.id)
    assert found.reported_by_name == ours.teacher.name


def test_a_positive_record_has_no_severity_and_raises_nothing(
    client: Any, session: Any, two_schools: TwoSchools
) -> None:
    ours = two_schools.ours
    before = session.scalar(select(func.count(Alert.id)))
    log_in(client, ours.form_master)
    assert send(client, url(ours), **(REPORT | {"kind": "positive", "severity": "5"})).status_code == 303
    (found,) = recorded(session)
    assert (found.kind, found.severity) == (IncidentKind.POSITIVE, 0)
    assert session.scalar(select(func.count(Alert.id))) == before
    assert client.get("/incidents?kind=positive").text.count("Disruption") == 1


def test_a_second_moderate_incident_raises_an_alert_at_once(client: Any, session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    log_in(client, ours.form_master)
    many(session, ours, 1, severity=3)
    assert send(client, url(ours), **REPORT).status_code == 303
    raised = select(Alert).where(Alert.student_id == ours.student.id, Alert.indicator == "B")
    assert "3 incidents" in " ".join(one.reason for one in session.scalars(raised))


def test_sending_one_form_twice_records_one_incident(client: Any, session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    log_in(client, ours.form_master)
    once = hidden(client.get(url(ours)).text, "once")
    assert [send(client, url(ours), once=once, **REPORT).status_code for _ in range(2)] == [303, 303]
    assert len(recorded(session)) == 1
    again = hidden(client.get(url(ours)).text, "once")
    assert send(client, url(ours), once=again, **REPORT).status_code == 303
    assert len(recorded(session)) == 2


@pytest.mark.parametrize(
    ("field", "value", "word"),
    [
        ("occurred_on", "yesterday", "Day"),
        ("occurred_on", (TODAY + timedelta(1)).isoformat(), "Day"),
        ("category", " ", "Category"),
        ("category", "x" * 121, "Category"),
        ("severity", "6", "Severity"),
        ("severity", "", "Severity"),
        ("description", "", "What happened"),
    ],
)
def test_a_report_that_cannot_stand_is_refused_by_its_field(
    client: Any, session: Any, two_schools: TwoSchools, field: str, value: str, word: str
) -> None:
    ours = two_schools.ours
    log_in(client, ours.form_master)
    answer = send(client, url(ours), **(REPORT | {field: value}))
    assert answer.status_code == 400
    assert f"{word}:" in answer.text
    assert recorded(session) == []


@pytest.mark.parametrize(("who", "number"), [("form_master", 4), ("teacher", 1), ("other_master", 0)])
def test_nobody_records_on_a_student_they_do_not_see(
    client: Any, session: Any, two_schools: TwoSchools, who: str, number: int
) -> None:
    ours = two_schools.ours
    log_in(client, getattr(ours, who))
    assert client.get(url(ours, number)).status_code == 404
    assert send(client, url(ours, number), **REPORT).status_code == 404
    assert send(client, url(two_schools.theirs), **REPORT).status_code == 404
    assert recorded(session) == []


def test_an_admin_reads_incidents_but_records_none(client: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    log_in(client, ours.admin)
    assert ours.things["incident"].category in client.get("/incidents").text
    assert send(client, url(ours), **REPORT).status_code == 403


def test_looking_at_an_incident_is_recorded(client: Any, session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    log_in(client, ours.form_master)
    page = client.get(f"/incidents/{ours.things['incident'].id}").text
    assert f"What happened {ours.canary}" in page
    assert "3 of 5, moderate" in page
    seen = session.scalars(select(AuditRow).where(AuditRow.event == Event.INCIDENT_VIEWED)).all()
    assert [(row.actor_id, row.student_id) for row in seen] == [(ours.form_master.id, ours.student.id)]


def test_an_incident_out_of_reach_is_not_found(client: Any, two_schools: TwoSchools) -> None:
    ours, theirs = two_schools.ours, two_schools.theirs
    log_in(client, ours.other_master)
    for one in (ours.things["incident"], theirs.things["incident"]):
        assert client.get(f"/incidents/{one.id}").status_code == 404
    page = client.get("/incidents").text
    assert "No incident is recorded" in page
    assert theirs.canary not in page


def test_the_list_is_narrowed_by_each_filter(session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    everyone = Reach(everyone=True)
    many(session, ours, 3, severity=5, occurred_on=TODAY)
    many(session, ours, 2, kind=IncidentKind.POSITIVE, severity=0, occurred_on=TODAY - timedelta(9))

    def found(**values: Any) -> int:
        return len(incidents(session, everyone, Filters(**values)).rows)

    assert found() == 6
    assert found(kind=IncidentKind.POSITIVE) == 2
    assert (found(severity=3), found(severity=4)) == (4, 3)
    assert (found(form_id=ours.form.id), found(form_id=ours.other_form.id)) == (6, 0)
    assert found(since=TODAY) == 3
    assert (found(reported_by=ours.teacher.id), found(reported_by=ours.admin.id)) == (1, 0)


def test_pages_of_the_list_hold_every_incident_once(session: Any, two_schools: TwoSchools) -> None:
    many(session, two_schools.ours, 118)
    seen: list[int] = []
    cursor: str | None = None
    for size in (50, 50, 19):
        page = incidents(session, Reach(everyone=True), Filters(), cursor=cursor)
        assert len(page.rows) == size
        seen += [row.id for row in page.rows]
        cursor = page.next
    assert cursor is None
    assert len(set(seen)) == 119


def test_filters_that_cannot_be_read_narrow_nothing_and_are_kept_for_the_next_page(
    client: Any, session: Any, two_schools: TwoSchools
) -> None:
    many(session, two_schools.ours, 60)
    log_in(client, two_schools.ours.form_master)
    page = client.get("/incidents?kind=x&severity=9&form=%C2%B2&since=soon&mine=maybe")
    assert page.status_code == 200
    assert "More" in page.text
    more = client.get("/incidents?kind=concern").text
    assert "kind=concern" in more.split('rel="next"')[1]
    assert client.get("/incidents?after=nonsense").status_code == 400


def test_the_list_takes_the_same_statements_whatever_its_length(
    client: Any, session: Any, two_schools: TwoSchools, statements: list[str]
) -> None:
    log_in(client, two_schools.ours.form_master)
    client.get("/incidents")
    counts = []
    for more in (0, 40):
        many(session, two_schools.ours, more)
        statements.clear()
        assert client.get("/incidents").status_code == 200
        counts.append(len(statements))
    assert counts[0] == counts[1] <= 10


def the_incident(session: Any, client: Any, world: World, who: Any) -> Incident:
    """An incident that a person of the world has recorded, the person logged in."""
    log_in(client, who)
    assert send(client, url(world), **REPORT).status_code == 303
    (found,) = recorded(session)
    return found


def test_who_reported_corrects_and_the_history_keeps_what_stood(
    client: Any, session: Any, two_schools: TwoSchools
) -> None:
    ours = two_schools.ours
    id_ = the_incident(session, client, ours, ours.teacher).id
    assert "Threw a chair." in client.get(f"/incidents/{id_}/correct").text
    answer = send(
        client, f"/incidents/{id_}/correct", **(REPORT | {"severity": "2", "description": "Dropped a chair."})
    )
    assert answer.status_code == 303
    (found,) = recorded(session)
    assert (found.severity, found.description, found.reported_by) == (2, "Dropped a chair.", ours.teacher.id)
    changes = session.scalars(select(AuditRow.changes).where(AuditRow.event == Event.ROW_CHANGED.value)).all()
    assert any((one or {}).get("description") == ["Threw a chair.", "Dropped a chair."] for one in changes)
    assert session.scalar(select(func.count(AuditRow.id)).where(AuditRow.event == Event.INCIDENT_CORRECTED.value)) == 1
    refused = send(client, f"/incidents/{id_}/correct", **(REPORT | {"description": " "}))
    assert (refused.status_code, "What happened:" in refused.text) == (400, True)


def test_a_withdrawn_incident_is_kept_and_counts_nowhere(client: Any, session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    id_ = the_incident(session, client, ours, ours.form_master).id
    many(session, ours, 1, severity=3)
    waiting = select(func.count(Alert.id)).where(
        Alert.student_id == ours.student.id, Alert.rule == "behaviour", Alert.status == AlertStatus.OPEN
    )
    assert send(client, url(ours), **(REPORT | {"category": "Again"})).status_code == 303
    assert session.scalar(waiting) == 1
    for incident in session.scalars(select(Incident).where(Incident.student_id == ours.student.id)).all():
        answer = send(client, f"/incidents/{incident.id}/withdraw", reason="It was somebody else.")
        assert answer.status_code == 303
    session.expire_all()
    assert session.scalar(waiting) == 0
    page = client.get(f"/incidents/{id_}").text
    assert "It was somebody else." in page
    assert "Withdraw it" not in page
    assert send(client, f"/incidents/{id_}/withdraw", reason="Twice.").status_code == 403
    assert "withdrawn" in client.get("/incidents").text


def test_only_who_reported_or_cares_changes_an_incident(client: Any, session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    id_ = the_incident(session, client, ours, ours.form_master).id
    other = log_in(client.application.test_client(), ours.teacher)
    page = other.get(f"/incidents/{id_}")
    assert (page.status_code, "Correct it" in page.text) == (200, False)
    assert other.get(f"/incidents/{id_}/correct").status_code == 403
    assert send(other, f"/incidents/{id_}/withdraw", reason="Mine to say.").status_code == 403
    stranger = log_in(client.application.test_client(), two_schools.theirs.form_master)
    assert send(stranger, f"/incidents/{id_}/withdraw", reason="Mine to say.").status_code == 404
    assert recorded(session)[0].withdrawn_at is None


def test_what_came_with_a_file_is_corrected_there(client: Any, session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    incident = the_incident(session, client, ours, ours.form_master)
    incident.sourced_id = "sis-7"
    session.commit()
    assert "Correct it" not in client.get(f"/incidents/{incident.id}").text
    answer = send(client, f"/incidents/{incident.id}/correct", **REPORT)
    assert (answer.status_code, "correct it where the file is made" in answer.text) == (400, True)
