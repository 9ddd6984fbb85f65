"""Lists of students.

school_app.features registers the blueprint; the page of a student, which shows what other features know, stands in
dashboards.student_page, and what is written on it in dashboards.notes_page.
"""

from __future__ import annotations

from flask import Blueprint, g, render_template, request, url_for

from school_app.core import asked, clock
from school_app.core.db import db
from school_app.core.permissions import Permission, requires, viewer
from school_app.core.reading import reading
from school_app.students import queries
from school_app.students.access import reach_of

blueprint = Blueprint("students", __name__)


@blueprint.get("/students")
@requires(Permission.STUDENT_VIEW)
@reading
def index() -> str:
    """The students in reach, by name."""
    reach = reach_of(db.session, viewer(), today=clock.today(g.timezone))
    forms = queries.search_forms(db.session, reach, "", limit=200)
    word = request.args.get("form", "")
    form_id = asked.number(word)
    left = request.args.get("left") == "yes"
    page = queries.students(db.session, reach, form_id=form_id, active=not left, cursor=request.args.get("after"))
    more = url_for("students.index", after=page.next, form=word or None, left="yes" if left else None)
    return render_template(
        "students/index.html",
        page=page,
        more=more if page.next else None,
        forms=forms,
        form=word,
        left=left,
        everyone=reach.everyone,
    )
