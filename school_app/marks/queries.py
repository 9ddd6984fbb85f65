"""What results say of students: averages by subject and term.

marks/ itself, and the features above it; alerts reads it through alerts.sources.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import bindparam, func, or_, select
from sqlalchemy.orm import Session, scoped_session

from school_app.alerts.facts import MarksFacts, SubjectMarks, mean_percent
from school_app.alerts.thresholds import Thresholds
from school_app.core.lasting import lasting
from school_app.marks.models import Assessment, AssessmentResult
from school_app.schools.models import Subject, TeachingGroup, TeachingGroupTeacher, Term
from school_app.schools.queries import YearSoFar, holds_on, school_year_on
from school_app.students.models import TeachingGroupMember

AnySession = Session | scoped_session[Any]
Scores = list[tuple[Decimal, Decimal, Decimal]]
# More than anybody teaches.
MOST_CLASSES = 100
# A result that says so stands in no average.
EXEMPT = "exempt"


@dataclass(frozen=True, slots=True)
class TermPair:
    """The term that a day lies in, or the last that began before it, and the term before that."""

    present: Term
    previous: Term | None


@dataclass(slots=True)
class _Gathered:
    name: str
    is_core: bool
    present: Scores = field(default_factory=list)
    previous: Scores = field(default_factory=list)


def terms_on(terms: Sequence[Term], on: date) -> TermPair | None:
    """The present and the previous term of the finest division that has begun; None before the first.

    A year may be divided into semesters and these into grading periods; marks are compared between the shortest.
    """
    begun = [term for term in terms if term.starts_on <= on]
    if not begun:
        return None
    latest = max(begun, key=lambda term: (term.ends_on >= on, -(term.ends_on - term.starts_on).days, term.starts_on))
    same = sorted((term for term in begun if term.kind is latest.kind), key=lambda term: (term.starts_on, term.id))
    before = [term for term in same if term.ends_on < latest.starts_on]
    return TermPair(latest, before[-1] if before else None)


def term_of(terms: Sequence[Term], term_id: int | None, due_on: date) -> Term | None:
    """The term that an assessment names, otherwise the shortest that its day lies in; None where there is none."""
    named = next((term for term in terms if term.id == term_id), None)
    inside = [term for term in terms if term.starts_on <= due_on <= term.ends_on]
    return named or min(inside, key=lambda term: (term.ends_on - term.starts_on, term.id), default=None)


def marks_facts_of(
    session: AnySession,
    student_ids: Collection[int],
    *,
    as_of: date,
    thresholds: Thresholds,
    year: YearSoFar | None = None,
) -> Mapping[int, MarksFacts]:
    """The averages of some students by subject in the present term and the one before, in three statements.

    A result counts in the term that its assessment names, otherwise in that of the assessment's due date. Students
    without a result have no entry.
    """
    year_id = year.id if year is not None else _year_id(session, as_of)
    if year_id is None or not student_ids:
        return {}
    pair = terms_on(session.scalars(TERMS, {"year_id": year_id}).all(), as_of)
    if pair is None:
        return {}
    gathered = _gather(session, student_ids, pair, as_of=as_of)
    return {
        student_id: MarksFacts(
            as_of,
            str(year_id),
            subjects=tuple(
                _subject(key, one, pair) for key, one in sorted(found.items(), key=lambda item: item[1].name)
            ),
        )
        for student_id, found in gathered.items()
    }


def _year_id(session: AnySession, on: date) -> int | None:
    year = school_year_on(session, on)
    return None if year is None else year.id


def _gather(
    session: AnySession, student_ids: Collection[int], pair: TermPair, *, as_of: date
) -> dict[int, dict[str, _Gathered]]:
    first = pair.previous.starts_on if pair.previous else pair.present.starts_on
    found: dict[int, dict[str, _Gathered]] = defaultdict(dict)
    for row in session.execute(SCORED, {"ids": list(student_ids), "first": first, "last": as_of}):
        term = _term_of(row, pair)
        if term is None:
            continue
        key = f"s{row.subject_id}" if row.subject_id else f"g{row.group_id}"
        one = found[row.student_id].setdefault(key, _Gathered(row.subject or row.group, bool(row.is_core)))
        scores = one.present if term is pair.present else one.previous
        scores.append((row.score, row.minimum, row.maximum))
    return found


def _results(student_ids: Any) -> Any:
    return (
        select(
            AssessmentResult.student_id,
            AssessmentResult.score,
            Assessment.minimum,
            Assessment.maximum,
            Assessment.due_on,
            Assessment.term_id,
            TeachingGroup.id.label("group_id"),
            TeachingGroup.name.label("group"),
            Subject.id.label("subject_id"),
            Subject.name.label("subject"),
            Subject.is_core,
        )
        .join(Assessment, Assessment.id == AssessmentResult.assessment_id)
        .join(TeachingGroup, TeachingGroup.id == Assessment.teaching_group_id)
        .join(Subject, Subject.id == TeachingGroup.subject_id, isouter=True)
        .where(
            AssessmentResult.student_id.in_(student_ids),
            AssessmentResult.score.is_not(None),
            AssessmentResult.score_status != EXEMPT,
        )
    )


TERMS = lasting(select(Term).where(Term.school_year_id == bindparam("year_id")))
SCORED = lasting(
    _results(bindparam("ids", expanding=True)).where(
        AssessmentResult.scored_on.between(bindparam("first"), bindparam("last"))
    )
)


def _term_of(row: Any, pair: TermPair) -> Term | None:
    terms = [term for term in (pair.present, pair.previous) if term is not None]
    for term in terms:
        if row.term_id == term.id:
            return term
    for term in terms:
        if term.starts_on <= row.due_on <= term.ends_on:
            return term
    return None


def _subject(key: str, one: _Gathered, pair: TermPair) -> SubjectMarks:
    return SubjectMarks(
        subject_key=key,
        subject=one.name,
        is_core=one.is_core,
        term_key=str(pair.present.id),
        term_name=pair.present.name,
        average_percent=mean_percent(one.present),
        results_counted=len(one.present),
        previous_term_name=pair.previous.name if pair.previous else None,
        previous_average_percent=mean_percent(one.previous),
        previous_results_counted=len(one.previous),
    )


@dataclass(frozen=True, slots=True)
class Group:
    """A class that somebody teaches, with its subject and how many students it has."""

    id: int
    name: str
    subject: str | None
    students: int


def groups_taught(session: AnySession, account_id: int, on: date) -> list[Group]:
    """The active classes that a person teaches on a day, by name, with how many attend each; one statement."""
    # Counted for these classes alone: all places in classes of a school are those of many years.
    students = (
        select(func.count())
        .where(
            TeachingGroupMember.teaching_group_id == TeachingGroup.id,
            or_(TeachingGroupMember.ends_on.is_(None), TeachingGroupMember.ends_on >= on),
        )
        .correlate(TeachingGroup)
        .scalar_subquery()
    )
    rows = session.execute(
        select(TeachingGroup.id, TeachingGroup.name, Subject.name.label("subject"), students.label("students"))
        .join(TeachingGroupTeacher, TeachingGroupTeacher.teaching_group_id == TeachingGroup.id)
        .join(Subject, Subject.id == TeachingGroup.subject_id, isouter=True)
        .where(
            TeachingGroup.is_active,
            TeachingGroupTeacher.account_id == account_id,
            holds_on(TeachingGroupTeacher, on),
        )
        .order_by(TeachingGroup.name, TeachingGroup.id)
        .limit(MOST_CLASSES)
    )
    return [Group(row.id, row.name, row.subject, row.students) for row in rows]
