"""The first page after the log-in, as each person needs it, and the search over all of it.

school_app.features registers the blueprint.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from flask import Blueprint, Response, g, redirect, request, url_for
from flask import session as browser_session
from werkzeug.wrappers import Response as AnyResponse

from school_app.core import clock
from school_app.core.db import db
from school_app.core.permissions import Permission, Role, Viewer, signed_in, viewer
from school_app.dashboards.kept import (
    kept_classes,
    kept_home,
    kept_overview,
    print_classes,
    print_home,
    print_overview,
)
from school_app.dashboards.looks import LOOKS_APART, look
from school_app.schools.queries import Duties, FormName, duties_of

blueprint = Blueprint("dashboards", __name__)
# In a person's session: their account, when it was written down that they looked, and when they had before the visit.
LOOKED = "looked"


@blueprint.get("/")
@signed_in
def home() -> str | AnyResponse:
    """The person's first page: their form's, their year's or school's, their classes', or the platform's."""
    person = viewer()
    if person.school_id is None:
        return redirect(url_for("operations.schools"), code=303)
    if not person.may(Permission.HOME_VIEW):
        return redirect(url_for("audit.history"), code=303)
    today = clock.today(g.timezone)
    duties = duties_of(db.session, person.account_id, today)
    chosen = _chosen(duties.forms)
    if chosen is not None:
        found = _home_of(person, duties, chosen)
    elif _watches(person):
        found = kept_overview(g.school, person, duties, today) if _is_kept(person) else print_overview(person, today)
    else:
        found = kept_classes(g.school, person, duties, today) if _is_kept(person) else print_classes(person, today)
    return Response(found, mimetype="text/html")


def _is_kept(person: Viewer) -> bool:
    """Whether the page is the same the next time: it repeats what is searched for, and an operator's visits are few."""
    return not (request.args.keys() - {"form"} or person.entered_as_operator)


def _home_of(person: Viewer, duties: Duties, chosen: FormName) -> str | bytes:
    last_look = _last_look(person)
    make = kept_home if _is_kept(person) else print_home
    return make(g.school, person, duties, chosen, last_look)


def _last_look(person: Viewer) -> datetime | None:
    """When the person looked before this visit; their session knows it for some minutes."""
    now = clock.now()
    account_id, at, before = browser_session.get(LOOKED, (None, "", None))
    if account_id != person.account_id or now - datetime.fromisoformat(at) > LOOKS_APART:
        found = look(db.session, person.account_id, now)
        db.session.commit()
        before = found.isoformat() if found else None
        browser_session[LOOKED] = (person.account_id, now.isoformat(), before)
    return datetime.fromisoformat(before) if before else None


def _chosen(forms: Sequence[FormName]) -> FormName | None:
    word = request.args.get("form", "")
    return next((form for form in forms if str(form.id) == word), forms[0] if forms else None)


def _watches(person: Viewer) -> bool:
    return person.entered_as_operator or bool(person.roles & {Role.HEAD_OF_YEAR, Role.SCHOOL_ADMIN})
