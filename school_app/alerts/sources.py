"""Where the facts of alerts come from: the features above give their functions, so that alerts/ imports none of them.

features.py wires them; routes, jobs and commands fetch them with sources() and pass them to alerts.service.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol, TypeVar

from flask import Flask, current_app
from sqlalchemy.orm import Session, scoped_session

from school_app.alerts.facts import AttendanceFacts, BehaviourFacts, MarksFacts, StudentFacts
from school_app.alerts.thresholds import Thresholds
from school_app.schools.queries import YearSoFar, year_so_far

AnySession = Session | scoped_session[Any]
Part = TypeVar("Part", covariant=True)
EXTENSION = "formroom.fact_sources"


class Source(Protocol[Part]):
    """Gives one part of the facts of many students in a fixed number of statements; who has no data has no entry.

    `year` is that of the day, where it is read already.
    """

    def __call__(
        self,
        session: AnySession,
        student_ids: Collection[int],
        *,
        as_of: date,
        thresholds: Thresholds,
        year: YearSoFar | None = None,
    ) -> Mapping[int, Part]: ...


@dataclass(frozen=True, slots=True)
class Sources:
    """The three parts: attendance, behaviour, marks."""

    attendance: Source[AttendanceFacts]
    behaviour: Source[BehaviourFacts]
    marks: Source[MarksFacts]

    def facts_of(
        self, session: AnySession, names: Mapping[int, str], *, as_of: date, thresholds: Thresholds
    ) -> list[StudentFacts]:
        """The facts of some students, given as id and name, up to and including a day."""
        ids, year = list(names), year_so_far(session, as_of)
        attendance = self.attendance(session, ids, as_of=as_of, thresholds=thresholds, year=year)
        behaviour = self.behaviour(session, ids, as_of=as_of, thresholds=thresholds, year=year)
        marks = self.marks(session, ids, as_of=as_of, thresholds=thresholds, year=year)
        return [
            StudentFacts(id_, name, attendance.get(id_), behaviour=behaviour.get(id_), marks=marks.get(id_))
            for id_, name in names.items()
        ]


def init_app(app: Flask, sources: Sources) -> None:
    """Give an app its sources."""
    app.extensions[EXTENSION] = sources


def sources() -> Sources:
    """The sources of the present app."""
    found: Sources = current_app.extensions[EXTENSION]
    return found
