"""The signals of a student: letters in the form's table that hold on when answered, and a headline that says which."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from school_app.alerts.models import Alert, AlertStatus, RiskProfile
from school_app.alerts.words import headline
from school_app.dashboards.whole_form import Signal, signals
from tests.factories import TwoSchools
from tests.visits import log_in, send

ABSENT = {"band": "intensive", "sessions_absent": 63, "sessions_counted": 92}


def alert(indicator: str, severity: int, status: AlertStatus) -> Alert:
    return Alert(indicator=indicator, severity=severity, status=status)


def profile(level: int | None, *triggers: str, **inputs: Any) -> RiskProfile:
    return RiskProfile(level=level, triggers=list(triggers), inputs=inputs, as_of=date(2026, 11, 21))


def test_a_signal_holds_on_when_it_was_answered() -> None:
    answered, waits = alert("A", 4, AlertStatus.DECIDED), alert("A", 2, AlertStatus.OPEN)
    assert signals([answered], ()) == [Signal("A", 4, answered=True)]
    assert signals([answered, waits], ()) == [Signal("A", 4, answered=False)]
    assert signals([alert("C", 2, AlertStatus.DECIDED), waits], ()) == [
        Signal("A", 2, answered=False),
        Signal("C", 2, answered=True),
    ]


def test_slipping_attendance_is_a_signal_beside_another_one() -> None:
    found = signals([alert("C", 2, AlertStatus.OPEN)], ["course_failure", "prevention_band"])
    assert found == [Signal("A", 1, answered=False), Signal("C", 2, answered=False)]


def test_the_table_shows_an_answered_alert_as_answered(client: Any, session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    session.commit()
    log_in(client, ours.form_master)
    assert 'title="Behaviour: moderate"' in client.get("/").text
    found = session.scalars(select(Alert)).one()
    answer = send(client, f"/alerts/{found.id}", kind="not_a_concern", reason="a game that went too far")
    assert answer.status_code == 303
    assert 'title="Behaviour: moderate, answered"' in client.get("/").text
    session.expire_all()
    session.scalars(select(Alert)).one().status = AlertStatus.RESOLVED
    session.commit()
    assert 'title="Behaviour' not in client.get("/").text


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (profile(None), "Not enough data"),
        (profile(0), "No signal"),
        (profile(1, "prevention_band"), "No signal, but attendance is slipping"),
        (profile(2, "behaviour"), "One signal: behaviour"),
        (profile(2, "course_failure", "marks_falling", "prevention_band"), "One signal: course performance"),
        (
            profile(3, "chronic_absence", "consecutive_unexplained", **ABSENT),
            "One signal: attendance; absent 68.4\N{NARROW NO-BREAK SPACE}% of this year",
        ),
        (profile(3, "chronic_absence", "course_failure"), "Two signals: attendance and course performance"),
        (
            profile(4, "chronic_absence", "behaviour", "marks_falling"),
            "Three signals: attendance, behaviour and course performance",
        ),
    ],
)
def test_the_headline_says_which_signals_this_student_has(found: RiskProfile, words: str) -> None:
    assert headline(found) == words


def test_a_students_page_names_the_signal(client: Any, session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    session.commit()
    page = log_in(client, ours.form_master).get(f"/students/{ours.student.id}").text
    assert "One signal: behaviour" in page
