"""Lists of students, and what is written about one.

school_app.features registers the blueprint; the page of a student, which shows what other features know, stands in
dashboards.student_page.
"""

from __future__ import annotations

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from school_app.core import asked, clock
from school_app.core.db import db
from school_app.core.permissions import Permission, requires, viewer
from school_app.students import notes, queries
from school_app.students.access import reach_of, reachable_student
from school_app.students.models import NoteKind

blueprint = Blueprint("students", __name__)


@blueprint.get("/students")
@requires(Permission.STUDENT_VIEW)
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


@blueprint.post("/students/<int:student_id>/contact")
@requires(Permission.NOTE_WRITE)
def log_contact(student_id: int) -> Response:
    """Log that the home was called."""
    student = reachable_student(db.session, viewer(), student_id, today=clock.today(g.timezone), in_care=True)
    try:
        notes.log_contact(
            db.session,
            student.id,
            outcome=request.form.get("outcome", ""),
            text=request.form.get("text", ""),
            by=viewer().by,
        )
    except notes.InvalidNote as error:
        db.session.rollback()
        flash(str(error), "error")
    else:
        db.session.commit()
        flash("The contact is logged.", "success")
    onward = _page(student_id) if request.form.get("back") == "student" else url_for("dashboards.home")
    return redirect(onward, code=303)


@blueprint.post("/students/<int:student_id>/notes")
@requires(Permission.NOTE_WRITE)
def add_note(student_id: int) -> Response:
    """Write a note on a student."""
    student = reachable_student(db.session, viewer(), student_id, today=clock.today(g.timezone), in_care=True)
    kind = request.form.get("kind", "")
    draft = notes.Draft(
        request.form.get("body", ""),
        NoteKind(kind) if kind in {one.value for one in NoteKind} else NoteKind.GENERAL,
        is_restricted=request.form.get("restricted") == "yes",
    )
    try:
        notes.add_note(db.session, student.id, draft, by=viewer().by)
    except notes.InvalidNote as error:
        db.session.rollback()
        flash(str(error), "error")
    else:
        db.session.commit()
        flash("The note is kept.", "success")
    return redirect(_page(student_id), code=303)


def _page(student_id: int) -> str:
    return url_for("students.student", student_id=student_id)
