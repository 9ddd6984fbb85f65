"""The assessments of a roster's classes and the students' results in them.

rosters.service calls it, after the people.
"""

from __future__ import annotations

from typing import Any

from school_app.marks.models import Assessment, AssessmentResult
from school_app.rosters.records import LineItem, Result
from school_app.rosters.roster import Roster


def bring_results(roster: Roster) -> None:
    """Bring in the assessments of the school's classes, and the results of its students."""
    items = [one for _, one in roster.part.rows(LineItem) if one.class_id in roster.classes]
    assessments = roster.merge(Assessment, [_assessment(roster, one) for one in items])
    rows = (
        {
            "sourced_id": one.sourced_id,
            "assessment_id": assessments[one.line_item],
            "student_id": roster.students[one.student],
            "score": one.score,
            "score_status": one.status,
            "scored_on": one.scored_on,
            "comment": one.comment or None,
        }
        for _, one in roster.part.rows(Result)
        if one.line_item in assessments and one.student in roster.students
    )
    roster.merge(AssessmentResult, rows, key=("assessment_id", "student_id"))


def _assessment(roster: Roster, one: LineItem) -> dict[str, Any]:
    category = roster.part.parts.categories.get(one.category)
    return {
        "sourced_id": one.sourced_id,
        "teaching_group_id": roster.classes[one.class_id],
        "term_id": roster.terms.get(one.term),
        "title": one.title,
        "category": category.title if category else None,
        "assigned_on": one.assigned_on,
        "due_on": one.due_on,
        "minimum": one.minimum,
        "maximum": one.maximum,
    }
