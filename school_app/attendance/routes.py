"""The pages of registers: those of today, a form's, and a class's.

school_app.features registers the blueprint.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from school_app.alerts.evaluation import evaluate
from school_app.alerts.sources import sources
from school_app.attendance import service
from school_app.attendance.forms import UnreadMinutes, contrasted_rows, read_entries, refused_rows
from school_app.attendance.models import Session
from school_app.attendance.parts import sessions_of
from school_app.attendance.queries import registers_of_day
from school_app.attendance.roll import (
    SESSION_WORDS,
    Group,
    Slot,
    enrolled_ids,
    is_stored,
    present_part,
)
from school_app.attendance.service import InvalidRegister, RegisterChanged
from school_app.attendance.sheet import Sheet, class_registers_of_day, sheet_of
from school_app.core import asked, clock
from school_app.core.db import db
from school_app.core.errors import DomainError, NotFound
from school_app.core.permissions import Permission, requires, viewer
from school_app.core.reading import reading
from school_app.schools.closed import YearClosed
from school_app.schools.queries import taught_class
from school_app.students.access import reachable_form

blueprint = Blueprint("attendance", __name__)


@blueprint.get("/registers")
@requires(Permission.REGISTER_TAKE, Permission.SCHOOL_FIGURES)
@reading
def index() -> str:
    """The registers of today: of the person's forms, of the year or the whole school, and of the classes they teach."""
    today = _today()
    return render_template(
        "attendance/index.html",
        rows=registers_of_day(db.session, viewer(), today),
        classes=class_registers_of_day(db.session, viewer().account_id, today),
        today=today,
        sessions=sessions_of(db.session),
    )


@blueprint.get("/register/<int:form_id>/<on>")
@requires(Permission.REGISTER_TAKE, Permission.SCHOOL_FIGURES)
def register(form_id: int, on: str) -> str:
    """A form's register of a day."""
    group = _form(form_id)
    return _shown(group, _slot(group, on))


@blueprint.post("/register/<int:form_id>/<on>")
@requires(Permission.REGISTER_TAKE)
def save(form_id: int, on: str) -> Response | tuple[str, int]:
    """Save the whole register of a form, and judge its students anew."""
    group = _form(form_id)
    return _saved(group, _slot(group, on))


@blueprint.post("/register/<int:form_id>/<on>/take-back")
@requires(Permission.REGISTER_TAKE)
def take_back(form_id: int, on: str) -> Response | tuple[str, int]:
    """Take the register of a form back: its session is unknown again."""
    group = _form(form_id)
    return _taken_back(group, _slot(group, on))


@blueprint.get("/class-register/<int:group_id>/<on>")
@requires(Permission.REGISTER_TAKE)
def class_register(group_id: int, on: str) -> str:
    """The register of a class that the person teaches."""
    group = _class(group_id)
    return _shown(group, _slot(group, on))


@blueprint.post("/class-register/<int:group_id>/<on>")
@requires(Permission.REGISTER_TAKE)
def save_class(group_id: int, on: str) -> Response | tuple[str, int]:
    """Save the whole register of a class; it enters no rate."""
    group = _class(group_id)
    return _saved(group, _slot(group, on))


@blueprint.post("/class-register/<int:group_id>/<on>/take-back")
@requires(Permission.REGISTER_TAKE)
def take_class_back(group_id: int, on: str) -> Response | tuple[str, int]:
    """Take the register of a class back."""
    group = _class(group_id)
    return _taken_back(group, _slot(group, on))


def _today() -> date:
    return clock.today(g.timezone)


def _form(form_id: int) -> Group:
    form = reachable_form(db.session, viewer(), form_id, today=_today())
    return Group(form.id, form.name)


def _class(group_id: int) -> Group:
    found = taught_class(db.session, viewer().account_id, group_id, on=_today())
    return Group(found.id, found.name, is_class=True)


def _slot(group: Group, on: str) -> Slot:
    try:
        day = asked.day(on)
    except ValueError:
        raise NotFound("day") from None
    parts = sessions_of(db.session)
    word = request.args.get("session")
    if day.isoformat() != on or (word is not None and word not in set(Session)):
        raise NotFound("day")
    slot = Slot(day, Session(word) if word else present_part(parts, clock.now(), zone=g.timezone))
    # A school may have taken its registers in another way before.
    if slot.part not in parts and not is_stored(db.session, group, slot):
        raise NotFound("session")
    return slot


def _shown(group: Group, slot: Slot) -> str:
    return _page(group, slot, sheet_of(db.session, group, slot, school=g.school, today=_today()))


def _page(group: Group, slot: Slot, sheet: Sheet, *, error: str | None = None) -> str:
    def other(on: date | None, part: Session) -> str | None:
        return _url(group, Slot(on, part)) if on else None

    return render_template(
        "attendance/register.html",
        register=sheet,
        save_url=_url(group, slot),
        take_back_url=_url(group, slot, back=True),
        others=[(SESSION_WORDS[part], _url(group, Slot(slot.on, part)), part is slot.part) for part in sheet.parts],
        before=other(sheet.day_before, slot.part),
        after=other(sheet.day_after, slot.part),
        year=None if slot.on.year == _today().year else slot.on.year,
        may_take=viewer().may(Permission.REGISTER_TAKE) and sheet.closed is None,
        error=error,
    )


def _url(group: Group, slot: Slot, *, back: bool = False) -> str:
    part = slot.part.value
    if group.is_class:
        endpoint = "attendance.take_class_back" if back else "attendance.class_register"
        return url_for(endpoint, group_id=group.id, on=slot.on, session=part)
    endpoint = "attendance.take_back" if back else "attendance.register"
    return url_for(endpoint, form_id=group.id, on=slot.on, session=part)


def _saved(group: Group, slot: Slot) -> Response | tuple[str, int]:
    today = _today()
    try:
        entries = read_entries(request.form)
        service.record_register(
            db.session,
            group,
            slot=slot,
            entries=entries,
            seen=request.form.get("seen", ""),
            by=viewer().by,
            today=today,
        )
    except (InvalidRegister, RegisterChanged, YearClosed) as error:
        return _refused(group, slot, error)
    if not group.is_class:
        evaluate(db.session, sources(), [one.student_id for one in entries], as_of=today)
    db.session.commit()
    flash(f"The register of {group.title} is saved.", "success")
    return redirect(url_for("attendance.index" if group.is_class else "dashboards.home"), code=303)


def _refused(group: Group, slot: Slot, error: DomainError) -> tuple[str, int]:
    db.session.rollback()
    sheet = sheet_of(db.session, group, slot, school=g.school, today=_today())
    if isinstance(error, RegisterChanged):
        rows = contrasted_rows(sheet.rows, sheet.codes, request.form)
    else:
        rows = refused_rows(sheet.rows, request.form)
    sentence = str(error)
    if isinstance(error, UnreadMinutes):
        name = next((row.name for row in sheet.rows if row.id == error.student_id), "A student")
        sentence = f"{name}: {sentence}"
    # What was not valid is sent again with the fingerprint of the page it came from.
    seen = sheet.seen if isinstance(error, RegisterChanged) else request.form.get("seen", "")
    return _page(group, slot, replace(sheet, rows=rows, seen=seen), error=sentence), error.status


def _taken_back(group: Group, slot: Slot) -> Response | tuple[str, int]:
    today = _today()
    try:
        service.take_back(db.session, group, slot=slot, reason=request.form.get("reason", ""))
    except (InvalidRegister, YearClosed) as error:
        return _refused(group, slot, error)
    if not group.is_class:
        evaluate(db.session, sources(), enrolled_ids(db.session, group, slot.on), as_of=today)
    db.session.commit()
    flash("The register was taken back; this session counts as unknown until it is taken again.", "success")
    return redirect(_url(group, slot), code=303)
