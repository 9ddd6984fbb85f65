"""A student's attendance and incidents before a case and since it began: one meaning for every page and the outcome.

dashboards.case_page and dashboards.home use it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import func, select
from sqlalchemy.orm import Session, scoped_session

from school_app.attendance.history import History, Share, histories
from school_app.behaviour.models import Incident, IncidentKind
from school_app.cases.models import Case
from school_app.core.figures import percent

AnySession = Session | scoped_session[Any]
# What a case is measured against: long enough to be fair, short enough to be about the time before it.
LOOK_BACK = timedelta(weeks=12)
DAY = timedelta(days=1)
MOST_WEEKS = 40


@dataclass(frozen=True, slots=True)
class Around:
    """The attendance in the twelve weeks before a case began, and from then to its end or today."""

    before: Share
    since: Share

    @property
    def sentence(self) -> str | None:
        """Both figures in words; None where either is not known."""
        if self.since.percent is None or self.before.percent is None:
            return None
        sessions = "session" if self.since.counted == 1 else "sessions"
        return (
            f"{percent(self.since.percent)} since the start ({self.since.counted} {sessions}), "
            f"{percent(self.before.percent)} in the twelve weeks before ({self.before.counted})"
        )


class Measured(Protocol):
    """What says over which days a case is measured."""

    @property
    def student_id(self) -> int: ...
    @property
    def starts_on(self) -> date: ...
    @property
    def closed_at(self) -> datetime | None: ...


@dataclass(frozen=True, slots=True)
class Known:
    """The histories of some students from a day to today, where a page has read them already."""

    first: date
    histories: Mapping[int, History]


def histories_around(
    session: AnySession, cases: Collection[Measured], *, today: date, known: Known | None = None
) -> dict[int, History]:
    """The attendance of the students of some cases, as far back as the cases are measured, by student.

    Of what is known of all of them only what lies before is read.
    """
    if not cases:
        return {}
    students = {case.student_id for case in cases}
    first = min(case.starts_on for case in cases) - LOOK_BACK
    if known is None or not students <= known.histories.keys():
        return histories(session, students, first=first, last=max(_last_day(case, today) for case in cases))
    before = histories(session, students, first=first, last=known.first - DAY) if first < known.first else {}
    return {
        id_: History([*(before[id_].days if id_ in before else ()), *known.histories[id_].days]) for id_ in students
    }


def around(case: Measured, history: History | None, *, today: date) -> Around:
    """The attendance before a case and since; `history` is one of histories_around()."""
    known = history or History(())
    before = known.share(case.starts_on - LOOK_BACK, case.starts_on - DAY)
    return Around(before, known.share(case.starts_on, _last_day(case, today)))


def measured(session: AnySession, case: Case, history: History, *, today: date) -> dict[str, Any]:
    """The figures that a case is closed with, and until then what they would be today."""
    last, found = _last_day(case, today), around(case, history, today=today)
    before, since = found.before, found.since
    return {
        "attendance_before": before.percent,
        "attendance_since": since.percent,
        "sessions_before": before.counted,
        "sessions_since": since.counted,
        "incidents_before": _incidents(session, case, case.starts_on - LOOK_BACK, case.starts_on - DAY),
        "incidents_since": _incidents(session, case, case.starts_on, last),
        "measured_on": last.isoformat(),
    }


def weeks(case: Case, history: History, *, today: date) -> dict[str, Any]:
    """Attendance week by week with the place of the case's start, as components/charts.html draws it."""
    last = _last_day(case, today)
    count = min(MOST_WEEKS, max(2, (last - (case.starts_on - LOOK_BACK)).days // 7 + 1))
    monday = last - timedelta(days=last.weekday())
    starts = [monday - timedelta(weeks=back) for back in range(count - 1, -1, -1)]
    points = [
        (f"{start.day} {start:%b}", figure) for start, figure in zip(starts, history.weeks(last, count), strict=True)
    ]
    at = next((place for place, start in enumerate(starts) if start + timedelta(days=6) >= case.starts_on), None)
    return {"points": points, "marker": None if at is None else (at, "case opened")}


def _last_day(case: Measured, today: date) -> date:
    return case.closed_at.date() if case.closed_at else today


def _incidents(session: AnySession, case: Case, first: date, last: date) -> int:
    statement = (
        select(func.count())
        .select_from(Incident)
        .where(
            Incident.student_id == case.student_id,
            Incident.occurred_on.between(first, last),
            Incident.kind == IncidentKind.CONCERN,
            Incident.withdrawn_at.is_(None),
        )
    )
    return int(session.scalar(statement) or 0)
