"""The search field in the header: students, forms and cases in a person's reach.

It stands on the blueprint of students/, because it looks into features that lie above students/.
"""

from __future__ import annotations

from flask import g, render_template, request
from sqlalchemy import select

from school_app.cases.models import Case, CaseStatus
from school_app.core import clock
from school_app.core.db import db
from school_app.core.permissions import Permission, requires, viewer
from school_app.core.reading import reading
from school_app.students import queries
from school_app.students.access import Reach, reach_of
from school_app.students.models import Student
from school_app.students.routes import blueprint

SHOWN = 50
FEW = 10


@blueprint.get("/search")
@requires(Permission.STUDENT_VIEW)
@reading
def search() -> str:
    """What begins with the words typed; students by their first letter, forms and cases by two."""
    text = " ".join(request.args.get("q", "").split())[:80]
    too_short = queries.is_too_short(text)
    reach = reach_of(db.session, viewer(), today=clock.today(g.timezone))
    return render_template(
        "students/search.html",
        text=text,
        students=queries.search_students(db.session, reach, text, limit=SHOWN),
        forms=[] if too_short else queries.search_forms(db.session, reach, text, limit=FEW),
        cases=[] if too_short or not viewer().may(Permission.CASE_VIEW) else _cases(reach, text),
    )


def _cases(reach: Reach, text: str) -> list[tuple[Case, Student]]:
    rows = db.session.execute(
        select(Case, Student)
        .join(Student, Student.id == Case.student_id)
        .where(reach.in_care(), Case.status != CaseStatus.CLOSED, queries.starts_with(Case.goal, text))
        .order_by(Case.created_at.desc())
        .limit(FEW)
    ).all()
    return [(case, student) for case, student in rows]
