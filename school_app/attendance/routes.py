"""The pages of registers.

school_app.features registers the blueprint.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from school_app.alerts.evaluation import evaluate
from school_app.alerts.sources import sources
from school_app.attendance import pages, queries, service
from school_app.attendance.models import Session
from school_app.attendance.service import InvalidRegister, RegisterChanged, Sitting
from school_app.core import clock
from school_app.core.db import db
from school_app.core.errors import DomainError, NotFound
from school_app.core.permissions import Permission, requires, viewer
from school_app.schools.queries import school_days
from school_app.students.access import reachable_form

blueprint = Blueprint("attendance", __name__)
LOOK_AROUND = timedelta(days=30)


@blueprint.get("/registers")
@requires(Permission.REGISTER_TAKE, Permission.SCHOOL_FIGURES)
def index() -> str:
    """The registers of today: of the person's forms, of the year, or of the whole school."""
    today = clock.today(g.timezone)
    found = queries.registers_of_day(db.session, viewer(), today)
    return render_template("attendance/index.html", rows=found, today=today, sessions=pages.sessions_of(db.session))


@blueprint.get("/register/<int:form_id>/<on>")
@requires(Permission.REGISTER_TAKE, Permission.SCHOOL_FIGURES)
def register(form_id: int, on: str) -> str:
    """A form's register of a day."""
    name, sitting = _sitting(form_id, on)
    return _page(name, sitting)


@blueprint.post("/register/<int:form_id>/<on>")
@requires(Permission.REGISTER_TAKE)
def save(form_id: int, on: str) -> Response | tuple[str, int]:
    """Save the whole register, and judge its students anew."""
    name, sitting = _sitting(form_id, on)
    try:
        found = pages.entries(request.form, pages.choices(db.session))
        service.record_register(
            db.session,
            sitting,
            found,
            by=viewer().by,
            today=clock.today(g.timezone),
            seen_taken_at=_moment(request.form.get("seen", "")),
        )
    except (InvalidRegister, RegisterChanged) as error:
        return _refused(name, sitting, error)
    _judge(sitting)
    db.session.commit()
    flash(f"The register of {name} is saved.", "success")
    return redirect(url_for("dashboards.home"), code=303)


@blueprint.post("/register/<int:form_id>/<on>/take-back")
@requires(Permission.REGISTER_TAKE)
def take_back(form_id: int, on: str) -> Response | tuple[str, int]:
    """Take a register back: its day is unknown again."""
    name, sitting = _sitting(form_id, on)
    try:
        service.take_back(db.session, sitting, reason=request.form.get("reason", ""))
    except InvalidRegister as error:
        return _refused(name, sitting, error)
    _judge(sitting)
    db.session.commit()
    flash("The register is taken back; the day is unknown until it is taken anew.", "success")
    return redirect(_url(sitting), code=303)


def _refused(name: str, sitting: Sitting, error: DomainError) -> tuple[str, int]:
    db.session.rollback()
    return _page(name, sitting, error=str(error)), error.status


def _judge(sitting: Sitting) -> None:
    ids = queries.enrolled_in(db.session, sitting.form_id, sitting.on)
    evaluate(db.session, sources(), ids, as_of=clock.today(g.timezone))


def _sitting(form_id: int, on: str) -> tuple[str, Sitting]:
    form = reachable_form(db.session, viewer(), form_id, today=clock.today(g.timezone))
    try:
        day = date.fromisoformat(on)
    except ValueError:
        raise NotFound("day") from None
    sessions = pages.sessions_of(db.session)
    word = request.values.get("session", sessions[0].value)
    if word not in {part.value for part in sessions}:
        raise NotFound("session")
    return form.name, Sitting(form.id, day, Session(word))


def _page(name: str, sitting: Sitting, error: str | None = None) -> str:
    today = clock.today(g.timezone)
    days = school_days(db.session, sitting.on - LOOK_AROUND, min(sitting.on + LOOK_AROUND, today))
    before, after = pages.neighbours(sitting.on, days)
    return render_template(
        "attendance/register.html",
        register=pages.register_page(db.session, sitting),
        title=name,
        on=sitting.on,
        session_word=pages.SESSION_WORDS[sitting.part],
        closes_at=_closes_at(sitting.on),
        save_url=_url(sitting),
        take_back_url=url_for(
            "attendance.take_back", form_id=sitting.form_id, on=sitting.on, session=sitting.part.value
        ),
        others=[
            (pages.SESSION_WORDS[part], _url(Sitting(sitting.form_id, sitting.on, part)), part is sitting.part)
            for part in pages.sessions_of(db.session)
        ],
        before=_url(Sitting(sitting.form_id, before, sitting.part)) if before else None,
        after=_url(Sitting(sitting.form_id, after, sitting.part)) if after else None,
        may_take=viewer().may(Permission.REGISTER_TAKE) and sitting.on <= today,
        error=error,
    )


def _url(sitting: Sitting) -> str:
    return url_for("attendance.register", form_id=sitting.form_id, on=sitting.on, session=sitting.part.value)


def _closes_at(on: date) -> datetime:
    return datetime.combine(on, time.fromisoformat(g.school.register_closes), ZoneInfo(g.timezone))


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        raise InvalidRegister("The page cannot be read any more; open the register again.") from None
