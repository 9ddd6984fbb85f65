"""The page on which an admin keeps the school's attendance codes.

It stands on the blueprint of attendance.routes; school_app.features imports both.
"""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from school_app.alerts.facts import AttendanceCategory
from school_app.attendance import codes as kept
from school_app.attendance.codes import InvalidCode, NewCode
from school_app.attendance.routes import blueprint
from school_app.core import asked
from school_app.core.db import db
from school_app.core.permissions import Permission, requires

CATEGORY_WORDS = {
    AttendanceCategory.PRESENT: "present",
    AttendanceCategory.LATE: "late: attended",
    AttendanceCategory.ABSENT_EXCUSED: "absent, excused",
    AttendanceCategory.ABSENT_UNEXCUSED: "absent, unexcused",
    AttendanceCategory.NOT_REQUIRED: "not required: in no rate",
}


@blueprint.get("/admin/codes")
@requires(Permission.CALENDAR_SET)
def codes() -> str:
    """The codes that registers and files may use."""
    return _codes_page()


@blueprint.post("/admin/codes")
@requires(Permission.CALENDAR_SET)
def add_code() -> Response | tuple[str, int]:
    """Add a code."""
    try:
        made = kept.add_code(db.session, _entered())
    except InvalidCode as error:
        db.session.rollback()
        return _codes_page(error=str(error), entered=request.form), error.status
    db.session.commit()
    flash(f"{made.name} can be chosen in registers now.", "success")
    return redirect(url_for("attendance.codes"), code=303)


@blueprint.post("/admin/codes/<int:code_id>")
@requires(Permission.CALENDAR_SET)
def change_code(code_id: int) -> Response | tuple[str, int]:
    """Rename a code, move it, or take it off the register."""
    number = asked.number(request.form.get("ordinal", ""))
    try:
        changed = kept.change_code(
            db.session,
            code_id,
            name=request.form.get("name", ""),
            ordinal=-1 if number is None else number,
            is_active=request.form.get("is_active") == "yes",
        )
    except InvalidCode as error:
        db.session.rollback()
        return _codes_page(error=str(error)), error.status
    db.session.commit()
    flash(f"{changed.name} is kept.", "success")
    return redirect(url_for("attendance.codes"), code=303)


def _entered() -> NewCode:
    word = request.form.get("category", "")
    if word not in set(AttendanceCategory):
        raise InvalidCode("Counts as: choose one.")
    return NewCode(request.form.get("code", ""), request.form.get("name", ""), AttendanceCategory(word))


def _codes_page(**values: Any) -> str:
    return render_template(
        "attendance/codes.html",
        rows=kept.all_codes(db.session),
        words=CATEGORY_WORDS,
        **{"error": None, "entered": {}, **values},
    )
