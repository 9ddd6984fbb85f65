"""Two people at one register, alert or account at the same moment: one acts, the other is told, nothing is lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import delete, func, select

from school_app.accounts import staff
from school_app.accounts.models import Account, AccountStatus
from school_app.alerts.models import Alert, AlertDecision, AlertStatus, DecisionKind
from school_app.alerts.service import Answer, decide
from school_app.attendance.models import AttendanceMark, Register, Session
from school_app.attendance.roll import Group, Slot, roll_of
from school_app.attendance.service import Entry, record_register
from school_app.behaviour.models import Incident, IncidentKind
from school_app.behaviour.service import Report, record_incident
from school_app.core.acting import By
from school_app.core.fingerprint import new_once
from school_app.core.permissions import Role
from school_app.schools.models import Form
from tests.factories import account
from tests.together import TODAY, Place, place

__all__ = ["place"]
ROUNDS = 5
AUDIT = {"audit_reason": "a test"}


def test_of_two_who_take_a_register_one_does_and_the_other_sees_it(place: Place) -> None:
    slot = Slot(TODAY, Session.DAY)

    def group_of(session: Any) -> Group:
        form_id = session.scalar(select(Register.form_id).where(Register.form_id.is_not(None)).limit(1))
        return Group(form_id, session.get_one(Form, form_id).name)

    def take(by: By, code: str, seen: str) -> Callable[[Any], Any]:
        def act(session: Any) -> Any:
            group = group_of(session)
            roll = roll_of(session, group, slot)
            entries = [Entry(one.id, code) for one in roll.students]
            return record_register(session, group, slot=slot, entries=entries, seen=seen, by=by, today=TODAY)

        return act

    for _ in range(ROUNDS):

        def empty(session: Any) -> str:
            old = select(Register.id).where(Register.date == TODAY)
            session.execute(delete(AttendanceMark).where(AttendanceMark.date == TODAY), execution_options=AUDIT)
            session.execute(
                delete(Register).where(Register.id.in_(session.scalars(old).all())), execution_options=AUDIT
            )
            session.commit()
            return roll_of(session, group_of(session), slot).seen

        seen = place.read(empty)
        done = place.at_once(take(place.master, "late", seen), take(place.head, "absent_excused", seen))
        assert done == ["RegisterChanged", "done"]
        registers, students, marks = place.read(
            lambda session: (
                session.scalar(select(func.count(Register.id)).where(Register.date == TODAY)),
                len(roll_of(session, group_of(session), slot).students),
                session.execute(
                    select(AttendanceMark.code_id, func.count()).where(AttendanceMark.date == TODAY).group_by("code_id")
                ).all(),
            )
        )
        assert registers == 1
        assert [number for _, number in marks] == [students]


def test_of_two_who_answer_an_alert_one_does(place: Place) -> None:
    for _ in range(ROUNDS):

        def waiting(session: Any) -> int:
            session.execute(delete(AlertDecision), execution_options=AUDIT)
            alert = session.scalars(select(Alert).limit(1)).one()
            alert.status, alert.decided_severity = AlertStatus.OPEN, None
            session.commit()
            return int(alert.id)

        alert_id = place.read(waiting)

        def answer(by: By, alert_id: int = alert_id) -> Callable[[Any], Any]:
            given = Answer(DecisionKind.NOT_A_CONCERN, f"Says {by.name}.")
            return lambda session: decide(session, alert_id, given, by=by, today=TODAY)

        assert place.at_once(answer(place.master), answer(place.head)) == ["AlertAlreadyDecided", "done"]
        assert place.read(lambda session: session.scalar(select(func.count(AlertDecision.id)))) == 1


def test_one_form_sent_twice_at_once_makes_one_incident(place: Place) -> None:
    report = Report(IncidentKind.CONCERN, TODAY, "Together", severity=3, description="Once.")
    for _ in range(ROUNDS):
        once = new_once()

        def send(session: Any, once: str = once) -> Any:
            return record_incident(session, place.student_id, report, by=place.master, today=TODAY, once=once)

        assert place.at_once(send, send) == ["done", "done"]
        made = place.read(
            lambda session, once=once: session.scalar(
                select(func.count(Incident.id)).where(Incident.sourced_id == once)
            )
        )
        assert made == 1


def test_of_two_admins_who_send_each_other_away_one_stays(place: Place) -> None:
    def admins(session: Any) -> list[int]:
        found = session.scalars(select(Account).where(Account.login.like("together%"))).all()
        if not found:
            found = [account(session, f"together{number}", Role.SCHOOL_ADMIN) for number in (1, 2)]
        for one in found:
            one.status = AccountStatus.ACTIVE
        session.commit()
        return [one.id for one in found]

    def others(session: Any) -> None:
        ids = admins(session)
        for one in session.scalars(select(Account).where(Account.id.not_in(ids))).all():
            one.status = AccountStatus.DISABLED
        session.commit()

    place.read(others)
    for _ in range(ROUNDS):
        first, second = place.read(admins)
        done = place.at_once(
            lambda session, a=first, b=second: staff.disable(session, a, by_id=b),
            lambda session, a=first, b=second: staff.disable(session, b, by_id=a),
        )
        assert done == ["InvalidAccount", "done"]
