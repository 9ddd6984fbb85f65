"""From rows to alerts and decisions: episodes open, worsen and resolve once each, and a person's answer stands."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from school_app.alerts.evaluation import evaluate, students_to_evaluate
from school_app.alerts.models import Alert, AlertDecision, AlertStatus, DecisionKind, RiskProfile
from school_app.alerts.queries import alerts_for
from school_app.alerts.rules.episodes import Move
from school_app.alerts.service import (
    AlertAlreadyDecided,
    Answer,
    InvalidDecision,
    decide,
    set_thresholds,
)
from school_app.alerts.thresholds import Thresholds
from school_app.audit.events import Event
from school_app.audit.models import AuditRow
from school_app.behaviour.models import Incident
from school_app.cases.models import Case
from school_app.cases.service import Plan
from school_app.core.acting import By
from school_app.core.errors import Conflict, NotFound
from school_app.features import fact_sources
from school_app.students.access import Reach
from tests.days import TODAY
from tests.factories import TwoSchools, World, added

RULE = "behaviour"


def incident(session: Any, world: World, back: int, severity: int = 3) -> None:
    added(
        session,
        Incident(
            student_id=world.student.id,
            occurred_on=TODAY - timedelta(back),
            category="Fight",
            severity=severity,
            description="In the yard.",
        ),
    )


def judged(session: Any, world: World) -> Any:
    return evaluate(session, fact_sources(), [one.id for one in world.students], as_of=TODAY)


def raised(session: Any, world: World) -> Alert:
    """The alert on the second incident; the factory's own, whose facts do not hold, resolves."""
    incident(session, world, 1)
    judged(session, world)
    alert: Alert = session.scalar(select(Alert).where(Alert.rule == RULE, Alert.status == AlertStatus.OPEN))
    return alert


def test_a_second_incident_opens_an_alert_for_the_form_master_with_its_reason(
    session: Any, two_schools: TwoSchools
) -> None:
    ours = two_schools.ours
    alert = raised(session, ours)
    assert alert.assigned_to == ours.form_master.id
    assert "2 incidents" in alert.reason
    assert alert.decide_by is not None
    assert alert.decide_by > TODAY
    events = session.scalars(
        select(AuditRow.event).where(AuditRow.entity_id == alert.id, AuditRow.entity_type == "alert")
    )
    assert Event.ALERT_RAISED.value in set(events)


def test_the_second_evaluation_changes_nothing(session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    raised(session, ours)
    before = session.scalar(select(func.count()).select_from(AuditRow))
    again = judged(session, ours)
    assert (again.raised, again.count(Move.WORSEN), again.count(Move.RESOLVE)) == (0, 0, 0)
    assert session.scalar(select(func.count()).select_from(AuditRow)) == before


def test_a_decided_alert_is_asked_about_again_only_when_it_worsens(session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    alert = raised(session, ours)
    decide(session, alert.id, Answer(DecisionKind.NOT_A_CONCERN, "Both made peace."), by=by(ours), today=TODAY)
    incident(session, ours, 1, severity=3)
    judged(session, ours)
    assert alert.status is AlertStatus.DECIDED
    incident(session, ours, 0, severity=5)
    assert judged(session, ours).count(Move.WORSEN) == 1
    assert alert.status is AlertStatus.OPEN
    assert alert.worsened_at is not None


def test_an_alert_resolves_when_its_facts_do_and_opens_again_when_they_return(
    session: Any, two_schools: TwoSchools
) -> None:
    ours = two_schools.ours
    alert = raised(session, ours)
    for one in session.scalars(select(Incident)):
        one.severity = 1
    session.flush()
    assert judged(session, ours).count(Move.RESOLVE) == 1
    assert (alert.status, alert.resolved_at is None) == (AlertStatus.RESOLVED, False)
    for one in session.scalars(select(Incident)):
        one.severity = 4
    session.flush()
    assert judged(session, ours).count(Move.REOPEN) == 1
    assert (alert.status, alert.resolved_at) == (AlertStatus.OPEN, None)


def test_an_alert_of_a_form_without_a_master_waits_for_the_admins(session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    from school_app.schools.models import FormMaster

    duty = session.scalar(select(FormMaster).where(FormMaster.account_id == ours.form_master.id))
    duty.ends_on = TODAY - timedelta(1)
    session.flush()
    assert raised(session, ours).assigned_to is None


def test_every_student_gets_a_risk_profile_and_unknown_is_a_level_of_its_own(
    session: Any, two_schools: TwoSchools
) -> None:
    ours = two_schools.ours
    done = judged(session, ours)
    levels = dict(session.execute(select(RiskProfile.student_id, RiskProfile.level)).all())
    assert set(levels) == {one.id for one in ours.students}
    assert levels[ours.students[4].id] is None
    assert (done.students, done.under_90, done.judged) == (6, 1, 0)


def test_the_statements_of_an_evaluation_do_not_grow_with_students(
    session: Any, two_schools: TwoSchools, statements: list[str]
) -> None:
    ids = students_to_evaluate(session)
    evaluate(session, fact_sources(), ids, as_of=TODAY)
    session.expire_all()
    counts = []
    for some in (ids[:1], ids):
        session.expunge_all()
        statements.clear()
        evaluate(session, fact_sources(), some, as_of=TODAY)
        counts.append(len(statements))
        # What is found is what was found before.
        assert not [one for one in statements if one.startswith(("INSERT", "UPDATE", "DELETE"))]
    assert counts[0] == counts[1]
    assert counts[0] <= 16


def by(world: World) -> By:
    return By(world.form_master.id, world.form_master.name)


def test_a_decision_that_it_is_no_concern_needs_a_reason(session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    alert = raised(session, ours)
    for answer in (
        Answer(DecisionKind.NOT_A_CONCERN, "  "),
        Answer(DecisionKind.OPEN_CASE),
    ):
        with pytest.raises(InvalidDecision):
            decide(session, alert.id, answer, by=by(ours), today=TODAY)
    assert alert.status is AlertStatus.OPEN


def test_opening_a_case_twice_by_double_click_opens_one(session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    alert = raised(session, ours)
    before = session.scalar(select(func.count()).select_from(Case))
    answer = Answer(DecisionKind.OPEN_CASE, plan=Plan("No fight until May.", "Talk each Monday."))
    first = decide(session, alert.id, answer, by=by(ours), today=TODAY)
    second = decide(session, alert.id, answer, by=by(ours), today=TODAY)
    assert first.id == second.id
    assert session.scalar(select(func.count()).select_from(Case)) == before + 1
    case = session.get(Case, first.case_id)
    assert (case.alert_id, case.assigned_to) == (alert.id, ours.form_master.id)


def test_another_answer_after_the_first_is_refused_by_name(session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    alert = raised(session, ours)
    decide(session, alert.id, Answer(DecisionKind.ALREADY_HANDLED, "Spoke to both."), by=by(ours), today=TODAY)
    with pytest.raises(AlertAlreadyDecided, match=ours.form_master.name):
        decide(session, alert.id, Answer(DecisionKind.NOT_A_CONCERN, "Fine."), by=by(ours), today=TODAY)
    with pytest.raises(AlertAlreadyDecided):
        decide(
            session, alert.id, Answer(DecisionKind.ALREADY_HANDLED, "Me too."), by=By(ours.head.id, "H"), today=TODAY
        )
    mine = select(func.count()).select_from(AlertDecision).where(AlertDecision.alert_id == alert.id)
    assert session.scalar(mine) == 1


def test_an_alert_of_another_school_is_not_found(session: Any, two_schools: TwoSchools) -> None:
    with pytest.raises(NotFound):
        decide(
            session,
            two_schools.theirs.things["alert"].id,
            Answer(DecisionKind.NOT_A_CONCERN, "Reason."),
            by=by(two_schools.ours),
            today=TODAY,
        )


def test_the_home_page_gets_one_row_for_each_student(session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    added(
        session,
        Alert(
            student_id=ours.student.id,
            rule="chronic_absence",
            window_key="y",
            indicator="A",
            severity=4,
            reason="Absent.",
            inputs={},
            alert_date=TODAY,
            assigned_to=ours.form_master.id,
        ),
    )
    master, since = ours.form_master.id, datetime.now(UTC)
    found = alerts_for(session, master, Reach(everyone=True), student_ids=[], since=since).waiting
    assert [(one.student_id, one.severity, one.others) for one in found] == [(ours.student.id, 4, 1)]


def test_thresholds_are_kept_by_version(session: Any, two_schools: TwoSchools) -> None:
    set_thresholds(session, Thresholds(consecutive_days=2), version=0)
    with pytest.raises(Conflict):
        set_thresholds(session, Thresholds(consecutive_days=4), version=0)
    assert set_thresholds(session, Thresholds(consecutive_days=4), version=1).version == 2
