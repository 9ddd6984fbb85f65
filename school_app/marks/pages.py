"""What the pages of a class and of an assessment print.

marks.routes uses it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, scoped_session

from school_app.core.errors import NotFound
from school_app.core.paging import Page, behind, decode, page
from school_app.marks.models import Assessment, AssessmentResult
from school_app.marks.queries import term_of
from school_app.schools.models import TeachingGroup, TeachingGroupTeacher, Term
from school_app.schools.queries import holds_on
from school_app.students.models import Student, TeachingGroupMember

AnySession = Session | scoped_session[Any]
ASSESSMENTS_A_PAGE = 50


@dataclass(frozen=True, slots=True)
class Line:
    """An assessment of a class: its term, how many results it has, and their average in percent."""

    id: int
    title: str
    term: str | None
    due_on: date
    maximum: Decimal
    results: int
    average_percent: Fraction | None


@dataclass(frozen=True, slots=True)
class Cell:
    """A student's result; `score` is None where there is none, `is_above` says that it exceeds the maximum."""

    student_id: int
    name: str
    score: Decimal | None
    is_above: bool


def taught_group(session: AnySession, group_id: int, *, account_id: int, on: date) -> TeachingGroup:
    """A class that an account teaches on a day. Raises NotFound for every other."""
    found = session.scalar(
        select(TeachingGroup)
        .join(TeachingGroupTeacher, TeachingGroupTeacher.teaching_group_id == TeachingGroup.id)
        .where(
            TeachingGroup.id == group_id,
            TeachingGroupTeacher.account_id == account_id,
            holds_on(TeachingGroupTeacher, on),
        )
    )
    if found is None:
        raise NotFound("class")
    return found


def assessment_of(session: AnySession, assessment_id: int) -> Assessment:
    """An assessment of the school; whether the person teaches its class is asked separately. Raises NotFound."""
    found = session.scalar(select(Assessment).where(Assessment.id == assessment_id))
    if found is None:
        raise NotFound("assessment")
    return found


def assessments(session: AnySession, group: TeachingGroup, *, cursor: str | None) -> Page[Line]:
    """A class's assessments, the latest first, in two statements. Raises BadCursor."""
    score = AssessmentResult.score
    of_assessment = (
        Assessment.id,
        Assessment.title,
        Assessment.term_id,
        Assessment.due_on,
        Assessment.minimum,
        Assessment.maximum,
    )
    statement = (
        select(*of_assessment, func.count(score).label("results"), func.sum(score).label("total"))
        .join(AssessmentResult, AssessmentResult.assessment_id == Assessment.id, isouter=True)
        .where(Assessment.teaching_group_id == group.id)
        .group_by(*of_assessment)
    )
    if cursor is not None:
        statement = statement.where(behind(Assessment.due_on, Assessment.id, decode(cursor, date, int)))
    ordered = statement.order_by(Assessment.due_on.desc(), Assessment.id.desc()).limit(ASSESSMENTS_A_PAGE + 1)
    terms = session.scalars(select(Term).where(Term.school_year_id == group.school_year_id)).all()
    lines = [_line(row, terms) for row in session.execute(ordered)]
    return page(lines, ASSESSMENTS_A_PAGE, lambda line: (line.due_on, line.id))


def _line(row: Any, terms: Sequence[Term]) -> Line:
    term = term_of(terms, row.term_id, row.due_on)
    name = term.name if term else None
    return Line(row.id, row.title, name, row.due_on, row.maximum, results=row.results, average_percent=_average(row))


def _average(row: Any) -> Fraction | None:
    if not row.results:
        return None
    mean = Fraction(row.total) / row.results
    return 100 * (mean - Fraction(row.minimum)) / (Fraction(row.maximum) - Fraction(row.minimum))


def students_of(session: AnySession, group_id: int) -> Sequence[Student]:
    """The active students who attend or attended a class, by name."""
    inside = select(TeachingGroupMember.student_id).where(TeachingGroupMember.teaching_group_id == group_id)
    return session.scalars(
        select(Student)
        .where(Student.id.in_(inside), Student.is_active)
        .order_by(Student.family_name, Student.given_name, Student.id)
    ).all()


def cells(session: AnySession, assessment: Assessment) -> list[Cell]:
    """The students of an assessment's class with their results, by name; leavers only where they have one."""
    inside = select(TeachingGroupMember.student_id).where(
        TeachingGroupMember.teaching_group_id == assessment.teaching_group_id
    )
    rows = session.execute(
        select(Student, AssessmentResult.id.label("result_id"), AssessmentResult.score)
        .join(
            AssessmentResult,
            (AssessmentResult.student_id == Student.id) & (AssessmentResult.assessment_id == assessment.id),
            isouter=True,
        )
        .where(Student.id.in_(inside))
        .order_by(Student.family_name, Student.given_name, Student.id)
    )
    return [
        Cell(student.id, student.sort_name, score, score is not None and score > assessment.maximum)
        for student, result_id, score in rows
        if student.is_active or result_id is not None
    ]
