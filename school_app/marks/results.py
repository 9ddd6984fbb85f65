"""One student's results by subject and term.

dashboards/ uses it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import groupby
from typing import Any

from sqlalchemy import Date, bindparam, select
from sqlalchemy.orm import Session, scoped_session

from school_app.alerts.facts import mean_percent
from school_app.core.lasting import lasting
from school_app.marks.models import Assessment, AssessmentResult
from school_app.marks.queries import EXEMPT, term_of
from school_app.schools.models import Subject, TeachingGroup, TeachingGroupTeacher, Term
from school_app.schools.queries import holds_on

AnySession = Session | scoped_session[Any]
MOST_RESULTS = 1_000
# Rows of a subject's table on the student's page; averages are of all.
MOST_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Result:
    """One result; `percent` may be above 100, and is None without a score: then `status` says why."""

    title: str
    on: date
    score: Decimal | None
    maximum: Decimal
    percent: Fraction | None
    status: str


@dataclass(frozen=True, slots=True)
class TermResults:
    """A subject's results of one term (None: of none), the latest first, and the average of those that count."""

    term: str | None
    average_percent: Fraction | None
    counted: int
    results: Sequence[Result]


@dataclass(frozen=True, slots=True)
class SubjectResults:
    """A subject's results by terms, the latest term first."""

    subject: str
    terms: Sequence[TermResults]

    @property
    def count(self) -> int:
        """How many results there are."""
        return sum(len(term.results) for term in self.terms)

    @property
    def shown(self) -> list[tuple[str | None, Result]]:
        """The latest results with their term's name, as many as a page lists."""
        return [(term.term, one) for term in self.terms for one in term.results][:MOST_SHOWN]


def results_by_subject(
    session: AnySession, student_id: int, *, first: date, on: date, taught_by: int | None = None
) -> list[SubjectResults]:
    """A student's results from the day `first` on, subjects by name; two statements.

    With `taught_by` those of the classes alone that an account teaches on the day `on`.
    """
    values = {"student_id": student_id, "first": first, "on": on, "account_id": taught_by}
    latest = session.execute(LATEST if taught_by is None else LATEST_TAUGHT, values)
    rows = sorted(latest, key=lambda row: row.subject or row.group)
    terms = session.scalars(TERMS_SINCE, {"first": first}).all() if rows else ()
    return [
        SubjectResults(name, _by_term(found, terms))
        for name, found in groupby(rows, key=lambda row: row.subject or row.group)
    ]


def _results() -> Any:
    return (
        select(
            Subject.name.label("subject"),
            TeachingGroup.name.label("group"),
            Assessment.title,
            Assessment.term_id,
            Assessment.due_on,
            Assessment.minimum,
            Assessment.maximum,
            AssessmentResult.score,
            AssessmentResult.score_status,
            AssessmentResult.scored_on,
        )
        .join(Assessment, Assessment.id == AssessmentResult.assessment_id)
        .join(TeachingGroup, TeachingGroup.id == Assessment.teaching_group_id)
        .join(Subject, Subject.id == TeachingGroup.subject_id, isouter=True)
    )


def _latest(*narrower: Any) -> Any:
    return (
        _results()
        .where(
            AssessmentResult.student_id == bindparam("student_id"),
            AssessmentResult.scored_on >= bindparam("first"),
            *narrower,
        )
        .order_by(AssessmentResult.scored_on.desc(), AssessmentResult.id.desc())
        .limit(MOST_RESULTS)
    )


def _taught() -> Any:
    """The classes that an account teaches on a day."""
    return select(TeachingGroupTeacher.teaching_group_id).where(
        TeachingGroupTeacher.account_id == bindparam("account_id"),
        holds_on(TeachingGroupTeacher, bindparam("on", type_=Date)),
    )


LATEST = lasting(_latest())
LATEST_TAUGHT = lasting(_latest(Assessment.teaching_group_id.in_(_taught())))
TERMS_SINCE = lasting(select(Term).where(Term.ends_on >= bindparam("first")))


def _by_term(rows: Iterable[Any], terms: Sequence[Term]) -> list[TermResults]:
    found: dict[int | None, list[Any]] = {}
    names = {}
    for row in rows:
        term = term_of(terms, row.term_id, row.due_on)
        key = term.id if term else None
        names[key] = term.name if term else None
        found.setdefault(key, []).append(row)
    return [_of_term(names[key], list_) for key, list_ in found.items()]


def _of_term(term: str | None, rows: Sequence[Any]) -> TermResults:
    counted = [
        (row.score, row.minimum, row.maximum) for row in rows if row.score is not None and row.score_status != EXEMPT
    ]
    return TermResults(term, mean_percent(counted), len(counted), [_result(row) for row in rows])


def _result(row: Any) -> Result:
    percent = mean_percent([(row.score, row.minimum, row.maximum)]) if row.score is not None else None
    return Result(row.title, row.scored_on, row.score, row.maximum, percent, row.score_status)
