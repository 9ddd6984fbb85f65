"""The form master's home: its seven sections in their order, in a fixed number of statements.

dashboards.routes alone uses it; what each section means to the template stands at the top of its partial.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import url_for
from sqlalchemy import select
from sqlalchemy.orm import Session, scoped_session

from school_app.alerts.models import Alert
from school_app.alerts.queries import needs_decision, risk_of, standing_alerts_of, thresholds_of
from school_app.attendance.history import History, histories
from school_app.attendance.models import Register, RegisterState
from school_app.attendance.queries import enrolled_in
from school_app.attendance.roll import SESSION_WORDS, sessions_of
from school_app.cases.queries import Due, cases_of, due_or_overdue
from school_app.core import clock
from school_app.core.permissions import Viewer
from school_app.dashboards import absences, looks, news, whole_form
from school_app.dashboards.case_figures import around, histories_around
from school_app.schools.context import PresentSchool
from school_app.schools.models import CalendarDay, DayType, SchoolYear
from school_app.schools.queries import FormName, day_of, school_year_on
from school_app.students.access import Reach, reach_of
from school_app.students.models import Student

AnySession = Session | scoped_session[Any]
DECISIONS_SHOWN = 5
ROWS_SHOWN = 8
NOON = 12
EVENING = 17


@dataclass(frozen=True, slots=True)
class HomeForm:
    """The form that the home is about."""

    id: int
    name: str
    student_count: int


@dataclass(frozen=True, slots=True)
class RegisterSection:
    """1. The register of the present session."""

    title: str
    session_word: str
    taken: bool
    url: str
    closes_at: datetime
    taken_at: datetime | None
    taken_by_name: str | None
    corrected_at: datetime | None
    counts: Sequence[tuple[int, str]]
    no_school: str | None


@dataclass(frozen=True, slots=True)
class AlertRow:
    """One student whose worst open alert waits for an answer."""

    alert_id: int
    student_id: int
    student_name: str
    severity: int
    reason: str
    context: str | None
    worse_since: datetime | None
    days_left: int | None


@dataclass(frozen=True, slots=True)
class Decisions:
    """2. What needs a decision."""

    rows: Sequence[AlertRow]
    more: int
    all_url: str


@dataclass(frozen=True, slots=True)
class CaseRow:
    """A case with what is due in it."""

    case_id: int
    student_id: int
    student_name: str
    title: str
    step_id: int | None
    step_title: str | None
    due_on: date
    days_left: int
    figures: str | None


@dataclass(frozen=True, slots=True)
class Cases:
    """3. The person's cases that are due: the first of them, how many there are, and how many are open."""

    rows: Sequence[CaseRow]
    due: int
    total: int
    all_url: str


@dataclass(frozen=True, slots=True)
class Home:
    """The whole page."""

    part_of_day: str
    today: date
    needs: int
    last_looked_at: datetime | None
    form: HomeForm | None
    no_school: str | None
    register: RegisterSection | None = None
    decisions: Decisions | None = None
    cases: Cases | None = None
    absent: absences.Absent | None = None
    since: looks.Since | None = None
    whole_form: whole_form.WholeForm | None = None
    good_news: news.News | None = None


@dataclass(frozen=True, slots=True)
class Present:
    """What every section is built from."""

    session: AnySession
    school: PresentSchool
    viewer: Viewer
    form: FormName
    now: datetime
    today: date
    year: SchoolYear | None
    day: CalendarDay | None
    register: Register | None
    students: Sequence[Student]
    histories: dict[int, History]
    reach: Reach

    @property
    def ids(self) -> list[int]:
        """The students of the form."""
        return [student.id for student in self.students]

    @property
    def is_school_day(self) -> bool:
        """Whether there is school today."""
        return self.day is not None and self.day.day_type is DayType.INSTRUCTIONAL


def home(session: AnySession, school: PresentSchool, viewer: Viewer, form: FormName) -> Home:
    """The home of a form's master, now. It also remembers that the person has looked."""
    present = _present(session, school, viewer, form)
    last_look = looks.look(session, viewer.account_id, present.now)
    register = _register(present)
    decisions = _decisions(present)
    cases = _cases(present)
    absent = absences.absent(
        session,
        present.students,
        present.histories,
        form_id=form.id,
        register=present.register,
        today=present.today,
    )
    needs = len(decisions.rows) + decisions.more + cases.due + absent.unexplained
    return Home(
        part_of_day=_part_of_day(present.now),
        today=present.today,
        needs=needs + (1 if present.is_school_day and not register.taken else 0),
        last_looked_at=last_look,
        form=HomeForm(form.id, form.name, len(present.students)),
        no_school=register.no_school,
        register=register,
        decisions=decisions,
        cases=cases,
        absent=absent,
        since=looks.since(
            session,
            present.students,
            last_look,
            form_id=form.id,
            today=present.today,
            viewer_id=viewer.account_id,
            limit=ROWS_SHOWN,
        ),
        whole_form=_whole_form(present),
        good_news=news.good_news(session, present.students, present.histories, today=present.today),
    )


def empty(school: PresentSchool) -> Home:
    """The home of somebody who has no form."""
    now = clock.now().astimezone(ZoneInfo(school.timezone))
    return Home(_part_of_day(now), now.date(), 0, None, form=None, no_school=None)


def _present(session: AnySession, school: PresentSchool, viewer: Viewer, form: FormName) -> Present:
    now = clock.now().astimezone(ZoneInfo(school.timezone))
    today = now.date()
    year = school_year_on(session, today)
    parts = sessions_of(session)
    part = parts[0] if len(parts) == 1 or now.hour < NOON else parts[1]
    register = session.scalar(
        select(Register).where(Register.form_id == form.id, Register.date == today, Register.session == part)
    )
    ids = enrolled_in(session, form.id, today)
    students = session.scalars(
        select(Student).where(Student.id.in_(ids)).order_by(Student.family_name, Student.given_name, Student.id)
    ).all()
    first = year.starts_on if year else today - timedelta(days=84)
    found = histories(session, ids, first=first, last=today)
    day = day_of(session, today)
    reach = reach_of(session, viewer, today=today)
    return Present(session, school, viewer, form, now, today, year, day, register, students, found, reach)


def _part_of_day(now: datetime) -> str:
    if now.hour < NOON:
        return "morning"
    return "afternoon" if now.hour < EVENING else "evening"


def _register(present: Present) -> RegisterSection:
    parts = sessions_of(present.session)
    part = present.register.session if present.register else parts[0 if present.now.hour < NOON else -1]
    taken = present.register is not None and present.register.state is RegisterState.TAKEN
    closes = time.fromisoformat(present.school.register_closes)
    return RegisterSection(
        title=present.form.name,
        session_word=SESSION_WORDS[part],
        taken=taken,
        url=url_for("attendance.register", form_id=present.form.id, on=present.today, session=part.value),
        closes_at=datetime.combine(present.today, closes, present.now.tzinfo),
        taken_at=present.register.taken_at if present.register and taken else None,
        taken_by_name=present.register.taken_by_name if present.register and taken else None,
        corrected_at=present.register.corrected_at if present.register and taken else None,
        counts=absences.counts(present.session, present.register, len(present.students)) if taken else (),
        no_school=None if present.is_school_day else _no_school(present),
    )


def _no_school(present: Present) -> str:
    why = present.day.note if present.day and present.day.note else "No school today"
    upcoming = present.session.scalar(
        select(CalendarDay.date)
        .where(CalendarDay.date > present.today, CalendarDay.day_type == DayType.INSTRUCTIONAL)
        .order_by(CalendarDay.date)
        .limit(1)
    )
    if upcoming is None:
        return f"{why}. The calendar lists no school day after today."
    return f"{why}. The next register is on {upcoming:%A} {upcoming.day} {upcoming:%B}."


def _decisions(present: Present) -> Decisions:
    found = needs_decision(present.session, present.viewer.account_id, present.reach)
    rows = [_alert_row(one.alert, one.student, one.others, today=present.today) for one in found[:DECISIONS_SHOWN]]
    return Decisions(rows, len(found) - len(rows), url_for("alerts.index", whose="mine"))


def _alert_row(alert: Alert, student: Student, others: int, *, today: date) -> AlertRow:
    more = None if not others else f"{others} more {'alert' if others == 1 else 'alerts'} on {student.given_name}."
    return AlertRow(
        alert.id,
        student.id,
        student.name,
        alert.severity,
        reason=alert.reason,
        context=more,
        worse_since=alert.worsened_at,
        days_left=None if alert.decide_by is None else (alert.decide_by - today).days,
    )


def _cases(present: Present) -> Cases:
    due, total = due_or_overdue(present.session, present.viewer.account_id, present.reach, today=present.today)
    shown = due[:ROWS_SHOWN]
    known = histories_around(present.session, [one.case for one in shown], today=present.today)
    rows = [_case_row(one, known.get(one.student.id), today=present.today) for one in shown]
    return Cases(rows, len(due), total, url_for("cases.index", whose="mine"))


def _case_row(due: Due, history: History | None, *, today: date) -> CaseRow:
    step = due.next_step
    return CaseRow(
        due.case.id,
        due.student.id,
        due.student.name,
        due.case.goal,
        step_id=step.id if step else None,
        step_title=step.title if step else None,
        due_on=due.due_on,
        days_left=(due.due_on - today).days,
        figures=around(due.case, history, today=today).sentence,
    )


def _whole_form(present: Present) -> whole_form.WholeForm:
    session, ids = present.session, present.ids
    known = whole_form.Known(
        thresholds=thresholds_of(session),
        alerts=standing_alerts_of(session, ids),
        profiles=risk_of(session, ids),
        cases=cases_of(session, ids, open_only=True),
        notes=looks.last_notes(session, ids),
    )
    return whole_form.whole_form(present.form.name, present.students, present.histories, known, today=present.today)
