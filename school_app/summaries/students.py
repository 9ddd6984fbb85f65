"""The figures of single students, counted from the rows themselves as the pages of a student count them.

summaries.service keeps what is counted here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import date
from typing import Any

from sqlalchemy import bindparam, func, literal, select, union_all
from sqlalchemy.orm import Session, scoped_session

from school_app.alerts.facts import RECENT_SCHOOL_DAYS, BehaviourFacts, SessionFact
from school_app.alerts.models import Alert, AlertStatus
from school_app.alerts.queries import thresholds_of
from school_app.attendance.history import History, histories_in
from school_app.behaviour.queries import behaviour_facts_of
from school_app.cases.models import Case, CaseStatus
from school_app.core import clock
from school_app.core.lasting import lasting
from school_app.summaries.known import Known, known_of
from school_app.summaries.rules import absent, counted, tally

AnySession = Session | scoped_session[Any]
Row = dict[str, Any]


def counted_students(
    session: AnySession, ids: Collection[int], *, as_of: date, known: Known | None = None
) -> list[Row]:
    """The rows of student_figures of some students as of a day; nine statements, whatever their number.

    Of these `known` saves six. Between school years their attendance has no figures.
    """
    known = known or known_of(session, ids, as_of=as_of)
    thresholds, year = thresholds_of(session), known.year
    found: Mapping[int, History] = {}
    behaviour: Mapping[int, BehaviourFacts] = {}
    if year is not None:
        found = histories_in(known.recorded, as_of, days=year.days, scheme=known.way.scheme)
        behaviour = behaviour_facts_of(session, ids, as_of=as_of, thresholds=thresholds, year=year)
    alerts, cases = _open(session, ids)
    moment = clock.now()
    return [
        {
            **{"student_id": id_, "as_of": as_of, "is_stale": False, "computed_at": moment},
            **_attendance(found.get(id_) or History(()), as_of),
            "incidents": len(behaviour[id_].incidents) if id_ in behaviour else 0,
            "open_alerts": alerts[id_],
            "open_cases": cases[id_],
        }
        for id_ in ids
    ]


def _attendance(history: History, as_of: date) -> Row:
    recent = history.days[-RECENT_SCHOOL_DAYS:]
    weeks, before = history.stretches(as_of)
    return {
        **_named("year", [fact for day in history.days for fact in day]),
        **_named("recent", [fact for day in recent for fact in day]),
        **{"weeks_counted": weeks.counted, "weeks_absent": weeks.absent},
        **{"before_counted": before.counted, "before_absent": before.absent},
    }


def _named(name: str, facts: Collection[SessionFact]) -> Row:
    sessions = tally(facts)
    return {
        f"{name}_counted": counted(sessions),
        f"{name}_absent": absent(sessions),
        f"{name}_late": sessions["late"],
        f"{name}_unknown": sessions["unknown"],
    }


def _counted_open(what: str, student: Any, is_open: Any) -> Any:
    ids: Any = bindparam("ids", expanding=True)
    return select(literal(what), student, func.count()).where(student.in_(ids), is_open).group_by(student)


OPEN = lasting(
    union_all(
        _counted_open("alerts", Alert.student_id, Alert.status == AlertStatus.OPEN),
        _counted_open("cases", Case.student_id, Case.status != CaseStatus.CLOSED),
    )
)


def _open(session: AnySession, ids: Collection[int]) -> tuple[Counter[int], Counter[int]]:
    """How many open alerts and open cases each student has."""
    found: dict[str, Counter[int]] = {"alerts": Counter(), "cases": Counter()}
    for what, student_id, number in session.execute(OPEN, {"ids": list(ids)}):
        found[what][student_id] = int(number)
    return found["alerts"], found["cases"]
