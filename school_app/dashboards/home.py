"""The form master's home: its seven sections in their order, in a fixed number of statements.

dashboards.kept alone uses it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import url_for
from sqlalchemy.orm import Session, scoped_session

from school_app.alerts.queries import Told, Waiting, alerts_for, judged
from school_app.attendance.history import History, histories
from school_app.attendance.parts import sessions_of
from school_app.attendance.roll import SESSION_WORDS, Slot
from school_app.cases.queries import Due, ForMaster, cases_for
from school_app.core import clock
from school_app.core.permissions import Viewer
from school_app.dashboards import absences, looks, news, whole_form, written
from school_app.dashboards.case_figures import Known, around, histories_around
from school_app.dashboards.sections import AlertRow, CaseRow, Cases, Decisions, Home, HomeForm, RegisterSection
from school_app.schools.context import PresentSchool
from school_app.schools.queries import DaysAround, Duties, FormName, days_around
from school_app.students.access import Reach, care_of
from school_app.students.queries import FormStudent, Seat, seated_on, seats_of_form

AnySession = Session | scoped_session[Any]
# What is told of the days before one that lies in no school year.
BETWEEN_YEARS = timedelta(days=84)
DECISIONS_SHOWN = 5
ROWS_SHOWN = 8
NOON = 12
EVENING = 17


@dataclass(frozen=True, slots=True)
class Present:
    """What every section is built from; `begin` is from when on something is news, `seats` those of the form since."""

    session: AnySession
    school: PresentSchool
    viewer: Viewer
    form: FormName
    now: datetime
    today: date
    begin: datetime
    days: DaysAround
    slot: Slot
    seats: Sequence[Seat]
    students: Sequence[FormStudent]
    known: Known
    reach: Reach

    @property
    def ids(self) -> list[int]:
        """The students of the form."""
        return [student.id for student in self.students]

    @property
    def histories(self) -> Mapping[int, History]:
        """The attendance of the students in this school year."""
        return self.known.histories


def home(
    session: AnySession,
    school: PresentSchool,
    viewer: Viewer,
    duties: Duties,
    form: FormName,
    *,
    last_look: datetime | None,
) -> Home:
    """The home of a form's master, now; `last_look` is when they looked before this visit, None at the first."""
    present = _present(session, school, viewer, form, care_of(viewer, duties), looks.begin_of(last_look))
    asked = absences.asked_of(session, form.id, present.slot)
    register = _register(present, asked)
    alerts = alerts_for(session, viewer.account_id, present.reach, student_ids=present.ids, since=present.begin)
    decisions = _decisions(alerts.waiting, today=present.today)
    found = cases_for(session, viewer.account_id, present.reach, student_ids=present.ids, today=present.today)
    cases = _cases(present, found)
    notes, incidents = _written(present)
    absent = absences.absent(present.students, present.histories, asked, notes.contacts)
    needs = len(decisions.rows) + decisions.more + cases.due + absent.unexplained
    return Home(
        part_of_day=part_of_day(present.now),
        today=present.today,
        needs=needs + (1 if present.days.is_school_day and not register.taken else 0),
        last_looked_at=last_look,
        form=HomeForm(form.id, form.name, len(present.students)),
        no_school=register.no_school,
        register=register,
        decisions=decisions,
        cases=cases,
        absent=absent,
        since=looks.since(
            present.students,
            present.seats,
            alerts.told,
            notes.news,
            incidents.news,
            present.begin,
            form_id=form.id,
            today=present.today,
            limit=ROWS_SHOWN,
        ),
        whole_form=_whole_form(present, alerts.told, found.latest, notes.last),
        good_news=news.good_news(present.students, present.histories, incidents.positive, today=present.today),
    )


def empty(school: PresentSchool) -> Home:
    """The home of somebody who has no form."""
    now = clock.now().astimezone(ZoneInfo(school.timezone))
    return Home(part_of_day(now), now.date(), 0, None, form=None, no_school=None)


def _present(
    session: AnySession, school: PresentSchool, viewer: Viewer, form: FormName, reach: Reach, begin: datetime
) -> Present:
    now = clock.now().astimezone(ZoneInfo(school.timezone))
    today = now.date()
    days = days_around(session, today, between_years=today - BETWEEN_YEARS)
    parts = sessions_of(session)
    part = parts[0] if len(parts) == 1 or now.hour < NOON else parts[1]
    seats = seats_of_form(session, form.id, min(begin.date(), today), today)
    students = seated_on(seats, today)
    ids = [one.id for one in students]
    known = Known(days.first, histories(session, ids, first=days.first, last=today, days=days.days))
    slot = Slot(today, part)
    return Present(session, school, viewer, form, now, today, begin, days, slot, seats, students, known, reach)


def _written(present: Present) -> tuple[written.Notes, written.Incidents]:
    session, ids, since = present.session, present.ids, present.begin
    contacts_since, viewer_id = absences.contacts_since(), present.viewer.account_id
    return (
        written.notes_on(session, ids, contacts_since=contacts_since, since=since, viewer_id=viewer_id),
        written.incidents_of(session, ids, since=since, positive_since=present.today - news.LOOK_BACK),
    )


def part_of_day(now: datetime) -> str:
    """The word for a time at the school; registers of two sessions a day change at noon."""
    if now.hour < NOON:
        return "morning"
    return "afternoon" if now.hour < EVENING else "evening"


def _register(present: Present, asked: absences.Asked | None) -> RegisterSection:
    register = asked if asked and asked.is_present else None
    closes = time.fromisoformat(present.school.register_closes)
    return RegisterSection(
        title=present.form.name,
        session_word=SESSION_WORDS[present.slot.part],
        taken=register is not None,
        url=url_for("attendance.register", form_id=present.form.id, on=present.today, session=present.slot.part.value),
        closes_at=datetime.combine(present.today, closes, present.now.tzinfo),
        taken_at=register.taken_at if register else None,
        taken_by_name=register.taken_by_name if register else None,
        corrected_at=register.corrected_at if register else None,
        counts=absences.counts(register.marks, len(present.students)) if register else (),
        no_school=None if present.days.is_school_day else _no_school(present),
    )


def _no_school(present: Present) -> str:
    why, upcoming = present.days.note or "No school today", present.days.next
    if upcoming is None:
        return f"{why}. The calendar lists no school day after today."
    return f"{why}. The next register is on {upcoming:%A} {upcoming.day} {upcoming:%B}."


def _decisions(found: Sequence[Waiting], *, today: date) -> Decisions:
    rows = [_alert_row(one, today=today) for one in found[:DECISIONS_SHOWN]]
    return Decisions(rows, len(found) - len(rows), url_for("alerts.index", whose="mine"))


def _alert_row(alert: Waiting, *, today: date) -> AlertRow:
    others = alert.others
    more = None if not others else f"{others} more {'alert' if others == 1 else 'alerts'} on {alert.given_name}."
    return AlertRow(
        alert.alert_id,
        alert.student_id,
        alert.student_name,
        alert.severity,
        reason=alert.reason,
        context=more,
        worse_since=alert.worsened_at,
        days_left=None if alert.decide_by is None else (alert.decide_by - today).days,
    )


def _cases(present: Present, found: ForMaster) -> Cases:
    shown = found.due[:ROWS_SHOWN]
    known = histories_around(present.session, shown, today=present.today, known=present.known)
    rows = [_case_row(one, known.get(one.student_id), today=present.today) for one in shown]
    return Cases(rows, len(found.due), found.open, url_for("cases.index", whose="mine"))


def _case_row(due: Due, history: History | None, *, today: date) -> CaseRow:
    return CaseRow(
        due.case_id,
        due.student_id,
        due.student_name,
        due.goal,
        step_id=due.step_id if due.is_step else None,
        step_title=due.step_title if due.is_step else None,
        due_on=due.due_on,
        days_left=(due.due_on - today).days,
        figures=around(due, history, today=today).sentence,
    )


def _whole_form(
    present: Present,
    told: Sequence[Told],
    cases: Mapping[int, tuple[int, int]],
    last_notes: Mapping[int, datetime],
) -> whole_form.WholeForm:
    alerts: dict[int, list[Told]] = {}
    for one in told:
        if one.is_standing:
            alerts.setdefault(one.student_id, []).append(one)
    by = judged(present.session, present.ids)
    known = whole_form.Known(
        thresholds=by.thresholds,
        alerts=alerts,
        triggers=by.triggers,
        cases=cases,
        notes=last_notes,
    )
    return whole_form.whole_form(present.form.name, present.students, present.histories, known, today=present.today)
