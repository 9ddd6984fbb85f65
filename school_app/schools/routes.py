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

from school_app.accounts.models import Account, AccountStatus
from school_app.core import asked, clock
from school_app.core.db import db
from school_app.core.errors import NotFound
from school_app.core.jobs import enqueue_after_commit
from school_app.core.permissions import Permission, requires, viewer
from school_app.schools import service
from school_app.schools.context import school_changed
from school_app.schools.models import (
    CalendarDay,
    DayType,
    Form,
    FormMaster,
    HeadOfYear,
    School,
    SchoolYear,
    Subject,
    YearGroup,
)
from school_app.schools.service import InvalidSetting, SchoolSettings

blueprint = Blueprint("schools", __name__)
MOST_STAFF = 500
EVALUATE = "workers.jobs.evaluate_school"


@blueprint.get("/admin")
@requires(Permission.FORMS_MANAGE)
def setup() -> str:
    """Everything that an admin sets up, one link each."""
    return render_template("schools/setup.html", ACCOUNTS=Permission.ACCOUNTS_MANAGE)


@blueprint.get("/admin/forms")
@requires(Permission.FORMS_MANAGE)
def forms() -> str:
    """The forms of each school year with their masters, and the heads of year."""
    today = clock.today(g.timezone)
    return render_template("schools/forms.html", years=_years(), heads=_heads(today), staff=_staff(), today=today)


def _years() -> list[tuple[SchoolYear, list[tuple[Form, str | None, list[tuple[FormMaster, Account]]]]]]:
    masters: dict[int, list[tuple[FormMaster, Account]]] = {}
    for duty, account in db.session.execute(
        select(FormMaster, Account).join(Account, Account.id == FormMaster.account_id).order_by(FormMaster.starts_on)
    ):
        masters.setdefault(duty.form_id, []).append((duty, account))
    found: dict[int, list[tuple[Form, str | None, list[tuple[FormMaster, Account]]]]] = {}
    for form, group in db.session.execute(
        select(Form, YearGroup.name)
        .join(YearGroup, YearGroup.id == Form.year_group_id, isouter=True)
        .order_by(Form.name, Form.id)
    ):
        found.setdefault(form.school_year_id, []).append((form, group, masters.get(form.id, [])))
    years = db.session.scalars(select(SchoolYear).order_by(SchoolYear.starts_on.desc())).all()
    return [(year, found.get(year.id, [])) for year in years]


def _heads(today: date) -> list[tuple[YearGroup, list[tuple[HeadOfYear, Account]]]]:
    duties: dict[int, list[tuple[HeadOfYear, Account]]] = {}
    for duty, account in db.session.execute(
        select(HeadOfYear, Account).join(Account, Account.id == HeadOfYear.account_id).order_by(HeadOfYear.starts_on)
    ):
        if duty.ends_on is None or duty.ends_on >= today:
            duties.setdefault(duty.year_group_id, []).append((duty, account))
    groups = db.session.scalars(select(YearGroup).order_by(YearGroup.ordinal, YearGroup.code)).all()
    return [(group, duties.get(group.id, [])) for group in groups]


def _staff() -> list[Account]:
    statement = select(Account).where(Account.status != AccountStatus.DISABLED, Account.school_id.is_not(None))
    return list(db.session.scalars(statement.order_by(Account.family_name, Account.id).limit(MOST_STAFF)))


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
    except InvalidSetting as error:
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
