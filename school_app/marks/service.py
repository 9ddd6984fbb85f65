"""Assessments and their results, entered by those who teach the class.

marks.routes calls it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, scoped_session

from school_app.core import clock
from school_app.core.acting import By
from school_app.core.errors import Conflict, DomainError, NotFound
from school_app.core.fingerprint import is_once
from school_app.marks.models import Assessment, AssessmentResult
from school_app.schools.models import TeachingGroup
from school_app.students.models import TeachingGroupMember

AnySession = Session | scoped_session[Any]
MOST = Decimal(100000)
DECIMALS = 3
TITLE_LENGTH = 200
LONGEST_AGO = timedelta(days=366)
# The words of OneRoster for a result that counts, and for one that nobody has.
GRADED, NOT_SUBMITTED = "fully graded", "not submitted"


class InvalidMark(DomainError):
    """What was entered cannot stand; str() names the field and the remedy."""


class ResultsChanged(Conflict):
    """Somebody else entered other results for the same students after the page was opened."""


@dataclass(frozen=True, slots=True)
class Particulars:
    """What an assessment is made with, or changed to; results are out of `maximum`."""

    title: str
    due_on: date
    maximum: Decimal


@dataclass(frozen=True, slots=True)
class Score:
    """What was entered for one student, and what the page had shown; None is no result."""

    entered: Decimal | None
    shown: Decimal | None


def number(text: str, label: str) -> Decimal:
    """A number as people write it, with a point or a comma. InvalidMark names the label."""
    try:
        found = Decimal(text.strip().replace(",", "."))
    except InvalidOperation:
        raise InvalidMark(f"{label}: enter a number, such as 17.5.") from None
    # Looked at before anything is reckoned: 0E-99999999 is a number too, of a hundred million digits when written out.
    if not found.is_finite() or abs(int(found.as_tuple().exponent)) > DECIMALS or not 0 <= found <= MOST:
        raise InvalidMark(f"{label}: enter a number from 0 to {MOST}, with three decimals at most.")
    return found


def add_assessment(
    session: AnySession, group: TeachingGroup, new: Particulars, *, today: date, once: str = ""
) -> Assessment:
    """Make an assessment of a class; its term is that of the class.

    `once` names what the form makes: sending the form again finds what it made before.
    """
    if is_once(once):
        # Locked, so that the same form sent twice at once finds what it made the first time.
        session.execute(select(TeachingGroup.id).where(TeachingGroup.id == group.id).with_for_update())
        made = session.scalar(select(Assessment).where(Assessment.sourced_id == once))
        if made is not None and made.teaching_group_id != group.id:
            raise InvalidMark("This form was sent for another class before; open the class again.")
        if made is not None:
            return made
    made = Assessment(teaching_group_id=group.id, term_id=group.term_id, sourced_id=once if is_once(once) else None)
    _set(made, new, today)
    session.add(made)
    session.flush()
    return made


def change_assessment(session: AnySession, assessment: Assessment, new: Particulars, *, today: date) -> None:
    """Correct an assessment's title, day or maximum; its results stay as they are."""
    _set(assessment, new, today)
    session.flush()


def remove_assessment(session: AnySession, assessment: Assessment) -> None:
    """Remove one that was made by mistake. InvalidMark while it has a result, or where it came with a roster."""
    if assessment.sourced_id is not None and not is_once(assessment.sourced_id):
        raise InvalidMark("This came with the roster: remove it where the roster is made.")
    stored = session.scalars(
        select(AssessmentResult).where(AssessmentResult.assessment_id == assessment.id).with_for_update()
    ).all()
    if any(one.score is not None for one in stored):
        raise InvalidMark("It has results: empty them first, if they are of another assessment.")
    for result in stored:
        session.delete(result)
    session.flush()
    session.delete(assessment)
    session.flush()


def _set(assessment: Assessment, new: Particulars, today: date) -> None:
    title = new.title.strip()
    if not title or len(title) > TITLE_LENGTH:
        raise InvalidMark(f"Title: write what it was, in {TITLE_LENGTH} characters or fewer.")
    if new.maximum <= (assessment.minimum or 0):
        raise InvalidMark(f"Out of: enter a number above {(assessment.minimum or Decimal(0)).normalize():f}.")
    if new.due_on != assessment.due_on and not today - LONGEST_AGO <= new.due_on <= today + LONGEST_AGO:
        raise InvalidMark("Day: choose a day of this school year.")
    assessment.title, assessment.due_on, assessment.maximum = title, new.due_on, new.maximum


def members(session: AnySession, group_id: int) -> set[int]:
    """The ids of everyone who attends or attended a class."""
    return set(
        session.scalars(select(TeachingGroupMember.student_id).where(TeachingGroupMember.teaching_group_id == group_id))
    )


def enter_results(
    session: AnySession, assessment: Assessment, scores: Mapping[int, Score], *, by: By, today: date
) -> set[int]:
    """Set the results of an assessment where they differ from what the page showed; returns whose changed.

    A score above the maximum is kept: it is extra credit, or a slip that the page points out. Raises ResultsChanged
    where a result that was changed here was changed elsewhere too, InvalidMark below the minimum, NotFound for a
    student who is not of the class.
    """
    if scores.keys() - members(session, assessment.teaching_group_id):
        raise NotFound("student in this class")
    stored = _stored(session, assessment)
    changed = {id_: score for id_, score in scores.items() if score.entered != score.shown}
    _refuse(assessment, changed, stored)
    touched = {id_ for id_, score in changed.items() if _score_of(stored, id_) != score.entered}
    for student_id in sorted(touched):
        result = stored.get(student_id)
        if result is None:
            result = AssessmentResult(assessment_id=assessment.id, student_id=student_id)
            session.add(result)
        score = changed[student_id].entered
        result.score, result.score_status = score, NOT_SUBMITTED if score is None else GRADED
        result.scored_on, result.entered_by, result.entered_at = min(assessment.due_on, today), by.id, clock.now()
    session.flush()
    return touched


def _stored(session: AnySession, assessment: Assessment) -> dict[int, AssessmentResult]:
    """The results of an assessment by student, held until the end of the transaction."""
    found = select(AssessmentResult).where(AssessmentResult.assessment_id == assessment.id).with_for_update()
    rows = session.scalars(found.execution_options(populate_existing=True))
    return {one.student_id: one for one in rows}


def _score_of(stored: Mapping[int, AssessmentResult], student_id: int) -> Decimal | None:
    return stored[student_id].score if student_id in stored else None


def _refuse(assessment: Assessment, changed: Mapping[int, Score], stored: Mapping[int, AssessmentResult]) -> None:
    entered: Sequence[Decimal] = [score.entered for score in changed.values() if score.entered is not None]
    if any(score < assessment.minimum for score in entered):
        raise InvalidMark(f"Result: the lowest possible is {assessment.minimum.normalize():f}; leave out what is none.")
    for id_, score in changed.items():
        if _score_of(stored, id_) not in (score.shown, score.entered):
            raise ResultsChanged(
                "Somebody else changed some of these results after you opened the page. "
                "Below is how they stand now; enter yours again where they are right."
            )
