"""The set-up of a school: forms and their masters, calendar, settings, subjects.

school_app.features registers the blueprint.
"""

from __future__ import annotations

import calendar as weeks
from collections.abc import Callable
from datetime import date, timedelta

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response

from school_app.core import asked, clock
from school_app.core.db import db
from school_app.core.errors import NotFound
from school_app.core.jobs import enqueue_after_commit
from school_app.core.permissions import Permission, requires, viewer
from school_app.schools import duties_page, service
from school_app.schools.closed import YearClosed
from school_app.schools.context import school_changed
from school_app.schools.models import (
    CalendarDay,
    DayType,
    Form,
    School,
    Subject,
)
from school_app.schools.service import InvalidSetting, SchoolSettings

blueprint = Blueprint("schools", __name__)
EVALUATE = "workers.jobs.evaluate_school"


@blueprint.get("/admin")
@requires(Permission.FORMS_MANAGE)
def setup() -> str:
    """Everything that an admin sets up, one link each."""
    return render_template("schools/setup.html", ACCOUNTS=Permission.ACCOUNTS_MANAGE)


@blueprint.get("/admin/forms")
@requires(Permission.FORMS_MANAGE)
def forms() -> str:
    """The forms of a school year with their masters, and the heads of year; the choice of who is appointed for one."""
    today = clock.today(g.timezone)
    years, year = duties_page.years_of(db.session, chosen=asked.number(request.args.get("year", "")), today=today)
    appointing = request.args.get("appoint", "")
    return render_template(
        "schools/forms.html",
        choices=[(one.id, one.name) for one in years],
        year=year,
        forms=duties_page.forms_of(db.session, year) if year else [],
        heads=duties_page.heads_of(db.session, today=today),
        appointing=appointing,
        staff=duties_page.staff_of(db.session) if appointing else [],
        today=today,
    )


@blueprint.post("/admin/forms/<int:form_id>/master")
@requires(Permission.FORMS_MANAGE)
def appoint_master(form_id: int) -> Response:
    """Appoint a form's master from a day on."""
    if db.session.get(Form, form_id) is None:
        raise NotFound("form")

    def appoint() -> None:
        today = clock.today(g.timezone)
        service.appoint_master(db.session, form_id, _number("account"), from_day=_day("from"), today=today)
        # The alerts of the form go over to its new master.
        person = viewer()
        enqueue_after_commit(
            db.session, EVALUATE, queue="slow", requested_by=person.account_id, requested_name=person.name
        )

    return _done(appoint, "The form has its master.", "schools.forms")


@blueprint.post("/admin/years/head")
@requires(Permission.FORMS_MANAGE)
def appoint_head() -> Response:
    """Appoint a head of year from a day on."""
    return _done(
        lambda: service.appoint_head(
            db.session,
            _number("year_group"),
            _number("account"),
            from_day=_day("from"),
            today=clock.today(g.timezone),
        ),
        "The year has its head.",
        "schools.forms",
    )


@blueprint.get("/admin/calendar")
@requires(Permission.CALENDAR_SET)
def calendar() -> str:
    """A month of the calendar."""
    today = clock.today(g.timezone)
    first = _month(request.args.get("month", "")) or today.replace(day=1)
    following = (first + timedelta(days=32)).replace(day=1)
    listed = {
        day.date: day
        for day in db.session.scalars(
            select(CalendarDay).where(CalendarDay.date >= first, CalendarDay.date < following)
        )
    }
    grid = weeks.Calendar().monthdatescalendar(first.year, first.month)
    return render_template(
        "schools/calendar.html",
        first=first,
        before=(first - timedelta(days=1)).strftime("%Y-%m"),
        after=following.strftime("%Y-%m"),
        grid=grid,
        listed=listed,
        today=today,
        kinds=[("instructional", "School day"), ("holiday", "Holiday"), ("non_instructional", "No lessons")],
    )


@blueprint.post("/admin/calendar")
@requires(Permission.CALENDAR_SET)
def set_day() -> Response:
    """Say what a day is."""
    word = request.form.get("kind", "")

    def keep() -> None:
        if word not in {one.value for one in DayType}:
            raise InvalidSetting("What it is: choose one of the three.")
        service.set_day(db.session, _day("date"), DayType(word), note=request.form.get("note", ""))

    return _done(keep, "The day is set.", "schools.calendar", month=request.form.get("date", "")[:7])


@blueprint.get("/admin/school")
@requires(Permission.CALENDAR_SET)
def school() -> str:
    """The school's own settings, and which subjects are core."""
    return render_template(
        "schools/school.html",
        school=db.session.scalars(select(School)).one(),
        subjects=db.session.scalars(select(Subject).order_by(Subject.name)).all(),
    )


@blueprint.post("/admin/school")
@requires(Permission.CALENDAR_SET)
def change_school() -> Response:
    """Change the school's settings."""
    names = ("name", "timezone", "register_closes", "session_scheme")
    answer = _done(
        lambda: service.change_school(db.session, SchoolSettings(*(request.form.get(name, "") for name in names))),
        "The settings hold.",
        "schools.school",
    )
    school_changed(db.session)
    return answer


@blueprint.post("/admin/subjects")
@requires(Permission.CALENDAR_SET)
def set_core() -> Response:
    """Say which subjects are core."""
    chosen = {asked.number(word) or 0 for word in request.form.getlist("core")}
    return _done(lambda: service.set_core(db.session, chosen), "The core subjects are kept.", "schools.school")


def _done(act: Callable[[], object], said: str, endpoint: str, **values: str) -> Response:
    try:
        act()
    except (InvalidSetting, YearClosed) as error:
        db.session.rollback()
        flash(str(error), "error")
    else:
        db.session.commit()
        flash(said, "success")
    return redirect(url_for(endpoint, **{name: value for name, value in values.items() if value}), code=303)  # type: ignore[arg-type]


def _number(name: str) -> int:
    return asked.number(request.form.get(name, "")) or 0


def _day(name: str) -> date:
    try:
        return asked.day(request.form.get(name, ""))
    except ValueError:
        raise InvalidSetting("Day: enter a day such as 2026-05-17.") from None


def _month(word: str) -> date | None:
    try:
        return asked.day(f"{word}-01") if word else None
    except ValueError:
        raise NotFound("month") from None
