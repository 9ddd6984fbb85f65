"""The school years of a school: which are closed, what is unanswered in one, closing it and reopening it.

school_app.features registers the blueprint.
"""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from school_app.attendance.rows import LIVE
from school_app.core import clock
from school_app.core.db import db
from school_app.core.jobs import enqueue_after_commit
from school_app.core.permissions import Permission, requires, viewer
from school_app.schools.context import school_changed
from school_app.schools.models import SchoolYear
from school_app.years import service
from school_app.years.queries import YearState, rows_in, unanswered, year_shown, years_shown
from school_app.years.service import InvalidClosing

blueprint = Blueprint("years", __name__)
MOVE = "workers.jobs.move_school_year"


@blueprint.get("/admin/years")
@requires(Permission.CALENDAR_SET)
def index() -> str:
    """Every school year, and how it stands."""
    return render_template("years/index.html", years=years_shown(db.session, clock.today(g.timezone)))


@blueprint.get("/admin/years/<int:year_id>")
@requires(Permission.CALENDAR_SET)
def year(year_id: int) -> str:
    """One school year: what closing it means, and what still waits in it; or why it is closed, and reopening it."""
    shown = year_shown(db.session, year_id, clock.today(g.timezone))
    can_close = shown.state is YearState.OVER
    return render_template(
        "years/year.html",
        shown=shown,
        unanswered=unanswered(db.session, shown.year) if can_close else [],
        rows=rows_in(db.session, LIVE, shown.year) if can_close else None,
    )


@blueprint.post("/admin/years/<int:year_id>/close")
@requires(Permission.CALENDAR_SET)
def close(year_id: int) -> Response:
    """Close a school year."""

    def act() -> SchoolYear:
        year_shown(db.session, year_id, clock.today(g.timezone))
        if request.form.get("confirm") != "yes":
            raise InvalidClosing("Nothing was closed: tick that the year is to be closed as it stands.")
        return service.close(db.session, year_id, by=viewer().name, today=clock.today(g.timezone))

    return _done(year_id, act, "is closed: its registers can be read, and not be changed.")


@blueprint.post("/admin/years/<int:year_id>/reopen")
@requires(Permission.CALENDAR_SET)
def reopen(year_id: int) -> Response:
    """Reopen a closed school year."""
    reason = request.form.get("reason", "")
    return _done(
        year_id,
        lambda: service.reopen(db.session, year_id, reason=reason),
        "is being reopened; it is open when its registers are back.",
    )


def _done(year_id: int, act: Callable[[], SchoolYear], said: str) -> Response:
    try:
        name = act().name
    except InvalidClosing as error:
        db.session.rollback()
        flash(str(error), "error")
        return redirect(url_for("years.year", year_id=year_id), code=303)
    person = viewer()
    enqueue_after_commit(
        db.session,
        MOVE,
        queue="slow",
        requested_by=person.account_id,
        requested_name=person.name,
        year_id=year_id,
    )
    db.session.commit()
    school_changed(db.session)
    flash(f"{name} {said}", "success")
    return redirect(url_for("years.index"), code=303)
