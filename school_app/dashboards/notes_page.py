"""Writing and withdrawing a note on a student, and logging a contact with the home.

Both stand on the blueprint of students/; what is refused is shown again on the student's page as it was typed.
"""

from __future__ import annotations

from flask import flash, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from school_app.core import clock
from school_app.core.db import db
from school_app.core.permissions import Permission, requires, viewer
from school_app.dashboards.student_page import RefusedNote, student_page
from school_app.students import notes
from school_app.students.access import reachable_student
from school_app.students.models import NoteKind
from school_app.students.notes import InvalidNote
from school_app.students.routes import blueprint


@blueprint.post("/students/<int:student_id>/notes")
@requires(Permission.NOTE_WRITE)
def add_note(student_id: int) -> Response | tuple[str, int]:
    """Write a note on a student."""
    student = reachable_student(db.session, viewer(), student_id, today=clock.today(g.timezone), in_care=True)
    word = request.form.get("kind", "")
    kind = NoteKind(word) if word in {one.value for one in NoteKind} else NoteKind.GENERAL
    draft = notes.Draft(request.form.get("body", ""), kind, is_restricted=request.form.get("restricted") == "yes")
    try:
        notes.add_note(db.session, student.id, draft, by=viewer().by, once=request.form.get("once", ""))
    except InvalidNote as error:
        return _refused(student_id, draft, error)
    db.session.commit()
    flash("The note is kept.", "success")
    return redirect(url_for("students.student", student_id=student_id), code=303)


@blueprint.post("/students/<int:student_id>/contact")
@requires(Permission.NOTE_WRITE)
def log_contact(student_id: int) -> Response | tuple[str, int]:
    """Log that the home was called."""
    student = reachable_student(db.session, viewer(), student_id, today=clock.today(g.timezone), in_care=True)
    outcome, text, once = (request.form.get(name, "") for name in ("outcome", "text", "once"))
    try:
        notes.log_contact(db.session, student.id, outcome=outcome, text=text, by=viewer().by, once=once)
    except InvalidNote as error:
        return _refused(student_id, notes.Draft(text, NoteKind.CONTACT), error)
    db.session.commit()
    flash("The contact is logged.", "success")
    return redirect(url_for("dashboards.home"), code=303)


@blueprint.route("/notes/<int:note_id>", methods=["GET", "POST"])
@requires(Permission.NOTE_WRITE)
def own_note(note_id: int) -> str | Response | tuple[str, int]:
    """A note of one's own, to withdraw it."""
    error = None
    note = notes.own_note(db.session, note_id, viewer().account_id)
    reachable_student(db.session, viewer(), note.student_id, today=clock.today(g.timezone), in_care=True)
    if request.method == "POST":
        try:
            note = notes.withdraw_note(db.session, note_id, reason=request.form.get("reason", ""), by=viewer().by)
        except InvalidNote as refused:
            db.session.rollback()
            error = str(refused)
        else:
            db.session.commit()
            flash("The note is withdrawn: nobody reads it any more.", "success")
            return redirect(url_for("students.student", student_id=note.student_id), code=303)
    note = notes.own_note(db.session, note_id, viewer().account_id)
    page = render_template("students/note.html", note=note, entered=request.form, error=error)
    return page, 400 if error else 200


def _refused(student_id: int, draft: notes.Draft, error: InvalidNote) -> tuple[str, int]:
    db.session.rollback()
    return student_page(student_id, RefusedNote(draft, str(error))), error.status
