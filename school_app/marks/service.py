"""Assessments and their results, entered by those who teach the class.

marks.routes calls it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, scoped_session

from school_app.core.acting import By
from school_app.core.errors import DomainError, NotFound
from school_app.marks.models import Assessment, AssessmentResult
from school_app.schools.models import TeachingGroup
from school_app.students.models import TeachingGroupMember

AnySession = Session | scoped_session[Any]
MOST = Decimal(100000)
TITLE_LENGTH = 200
LONGEST_AGO = timedelta(days=366)


class InvalidMark(DomainError):
    """What was entered cannot stand; str() names the field and the remedy."""


@dataclass(frozen=True, slots=True)
class NewAssessment:
    """What an assessment is made with; results are out of `maximum`."""

    title: str
    due_on: date
    maximum: Decimal


def number(text: str, label: str) -> Decimal:
    """A number as people write it, with a point or a comma. InvalidMark names the label."""
    try:
        found = Decimal(text.strip().replace(",", "."))
    except InvalidOperation:
        raise InvalidMark(f"{label}: enter a number, such as 17.5.") from None
    if not found.is_finite() or not 0 <= found <= MOST or found != round(found, 3):
        raise InvalidMark(f"{label}: enter a number from 0 to {MOST}, with three decimals at most.")
    return found


def add_assessment(session: AnySession, group: TeachingGroup, new: NewAssessment, *, today: date) -> Assessment:
    """Make an assessment of a class; its term is that of the class."""
    title = new.title.strip()
    if not title or len(title) > TITLE_LENGTH:
        raise InvalidMark(f"Title: write what it was, in {TITLE_LENGTH} characters or fewer.")
    if new.maximum <= 0:
        raise InvalidMark("Out of: enter a number above 0.")
    if not today - LONGEST_AGO <= new.due_on <= today + LONGEST_AGO:
        raise InvalidMark("Day: choose a day of this school year.")
    made = Assessment(
        teaching_group_id=group.id, term_id=group.term_id, title=title, due_on=new.due_on, maximum=new.maximum
    )
    session.add(made)
    session.flush()
    return made


def members(session: AnySession, group_id: int) -> set[int]:
    """The ids of everyone who attends or attended a class."""
    return set(
        session.scalars(select(TeachingGroupMember.student_id).where(TeachingGroupMember.teaching_group_id == group_id))
    )


def enter_results(
    session: AnySession, assessment: Assessment, scores: Mapping[int, Decimal | None], *, by: By, today: date
) -> set[int]:
    """Set the results of an assessment; None takes one away. Returns the ids of the students whose result changed.

    A score above the maximum is kept: it is extra credit, or a slip that the page points out.
    """
    if scores.keys() - members(session, assessment.teaching_group_id):
        raise NotFound("student in this class")
    stored = {
        one.student_id: one
        for one in session.scalars(
            select(AssessmentResult).where(AssessmentResult.assessment_id == assessment.id).with_for_update()
        )
    }
    changed = set()
    for student_id, score in scores.items():
        result = stored.get(student_id)
        if (result.score if result else None) == score:
            continue
        changed.add(student_id)
        if result is None:
            result = AssessmentResult(assessment_id=assessment.id, student_id=student_id)
            session.add(result)
        result.score, result.scored_on, result.entered_by = score, min(assessment.due_on, today), by.id
    session.flush()
    return changed
