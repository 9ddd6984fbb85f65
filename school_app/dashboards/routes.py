"""The first page after the log-in, as each person needs it, and the search over all of it.

school_app.features registers the blueprint.
"""

from __future__ import annotations

from flask import Blueprint, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from school_app.core import clock
from school_app.core.db import db
from school_app.core.permissions import Permission, Role, Viewer, signed_in, viewer
from school_app.dashboards import home as form_home
from school_app.dashboards.overview import overview
from school_app.marks.queries import groups_taught
from school_app.schools.queries import FormName, forms_of_master

blueprint = Blueprint("dashboards", __name__)


@blueprint.get("/")
@signed_in
def home() -> str | Response:
    """The person's first page: their form's, their year's or school's, their classes', or the platform's."""
    person = viewer()
    if person.school_id is None:
        return redirect(url_for("operations.schools"), code=303)
    if not person.may(Permission.HOME_VIEW):
        return redirect(url_for("audit.history"), code=303)
    today = clock.today(g.timezone)
    forms = forms_of_master(db.session, person.account_id, today)
    chosen = _chosen(forms)
    if chosen is not None:
        page = form_home.home(db.session, g.school, person, chosen)
        rendered = render_template("dashboards/home.html", home=page, forms=forms, chosen=chosen)
        db.session.commit()
        return rendered
    if _watches(person):
        found = overview(db.session, person, today=today)
        may_import = person.may(Permission.IMPORT_RUN)
        return render_template("dashboards/overview.html", overview=found, today=today, may_import=may_import)
    groups = groups_taught(db.session, person.account_id, today)
    return render_template("dashboards/classes.html", groups=groups, today=today)


def _chosen(forms: list[FormName]) -> FormName | None:
    word = request.args.get("form", "")
    return next((form for form in forms if str(form.id) == word), forms[0] if forms else None)


def _watches(person: Viewer) -> bool:
    return person.entered_as_operator or bool(person.roles & {Role.HEAD_OF_YEAR, Role.SCHOOL_ADMIN})
