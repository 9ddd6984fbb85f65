"""The page on which a school sets its own cut points, and sees what they would do before they hold.

It stands on the blueprint of alerts.routes; school_app.features imports both.
"""

from __future__ import annotations

from dataclasses import asdict

from flask import flash, g, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response

from school_app.alerts import service, words
from school_app.alerts.models import SchoolThresholds
from school_app.alerts.queries import thresholds_of
from school_app.alerts.routes import blueprint
from school_app.alerts.rules.preview import Preview, preview
from school_app.alerts.sources import sources
from school_app.alerts.thresholds import LIMITS, InvalidThresholds, Thresholds
from school_app.core import asked, clock
from school_app.core.db import db
from school_app.core.errors import Conflict
from school_app.core.permissions import Permission, requires
from school_app.schools.models import Form
from school_app.students.models import Student

# More students than this for one form master are pointed out: nobody decides well on twenty.
LOAD_CAP = 7
NO_FORM = "no form"


@blueprint.get("/admin/thresholds")
@requires(Permission.THRESHOLDS_SET)
def thresholds() -> str:
    """The school's cut points, and what they flag today."""
    return _page(asdict(thresholds_of(db.session)), shown=_preview(thresholds_of(db.session)))


@blueprint.post("/admin/thresholds")
@requires(Permission.THRESHOLDS_SET)
def set_thresholds() -> Response | tuple[str, int] | str:
    """Preview the entered cut points, or keep them."""
    entered = _entered()
    try:
        found = Thresholds.from_settings(entered)
        if request.form.get("do") != "save":
            return _page(entered, shown=_preview(found), entered=True)
        version = request.form.get("version", "")
        shown_version = asked.number(version)
        service.set_thresholds(db.session, found, version=-1 if shown_version is None else shown_version)
    except InvalidThresholds as error:
        db.session.rollback()
        problems = {problem.field: problem.message for problem in error.problems}
        return _page(entered, problems=problems), error.status
    except Conflict as error:
        db.session.rollback()
        return _page(entered, problems={"": str(error)}), error.status
    db.session.commit()
    flash("The thresholds hold from the next evaluation on: tonight, or when a register is saved.", "success")
    return redirect(url_for("alerts.thresholds"), code=303)


def _entered() -> dict[str, object]:
    found: dict[str, object] = {limit.field: request.form.get(limit.field, "") for limit in LIMITS}
    found["mute_excused"] = request.form.get("mute_excused") == "yes"
    return found


def _preview(found: Thresholds) -> Preview:
    rows = db.session.execute(
        select(Student.id, Student.given_name, Student.family_name, Form.name)
        .join(Form, Form.id == Student.form_id, isouter=True)
        .where(Student.is_active)
    ).all()
    names = {row.id: f"{row.given_name} {row.family_name}" for row in rows}
    forms = {row.id: row.name or NO_FORM for row in rows}
    facts = sources().facts_of(db.session, names, as_of=clock.today(g.timezone), thresholds=found)
    return preview(((forms[one.student_id], one) for one in facts), found)


def _page(
    values: dict[str, object],
    *,
    shown: Preview | None = None,
    entered: bool = False,
    problems: dict[str, str] | None = None,
) -> str:
    row = db.session.scalar(select(SchoolThresholds))
    return render_template(
        "alerts/thresholds.html",
        limits=LIMITS,
        values=values,
        shown=shown,
        entered=entered,
        problems=problems or {},
        version=row.version if row else 0,
        changed_at=row.changed_at if row else None,
        words=words,
        cap=LOAD_CAP,
    )
