"""Two people in one case at the same moment, each on a connection of their own: one acts after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from school_app.cases import service
from school_app.cases.course import courses_of
from school_app.cases.models import Case, CaseStep, Outcome
from school_app.cases.service import Ending, HandOver, Plan
from school_app.config import Settings
from school_app.core.acting import By
from school_app.core.db import db
from school_app.core.errors import DomainError
from school_app.core.fingerprint import new_once
from school_app.core.tenancy import enter_school
from school_app.students.models import Note
from school_app.students.notes import Draft, add_note
from tests import worlds
from tests.databases import app_of_its_own
from tests.days import TODAY

ROUNDS = 5


@dataclass(frozen=True)
class Place:
    """A school on a database of its own, whose transactions really commit."""

    app: Flask
    school_id: int
    student_id: int
    master: By
    head: By

    def new_case(self) -> int:
        """A case that nobody has touched."""
        with self.app.app_context():
            enter_school(db.session, self.school_id)
            plan = Plan("Come daily.", "Check in.")
            case = service.open_case(db.session, self.student_id, plan, by=self.master, today=TODAY)
            db.session.commit()
            return case.id

    def at_once(self, *acts: Callable[[Any], Any]) -> list[str]:
        """Let each act in a transaction and thread of its own begin at the same moment; what became of each."""
        ready = Barrier(len(acts))

        def run(act: Callable[[Any], Any]) -> str:
            with self.app.app_context():
                enter_school(db.session, self.school_id)
                # The connection is open, and the transaction begun, before anybody starts.
                db.session.scalars(select(Case.id).limit(1)).all()
                ready.wait(timeout=20)
                try:
                    act(db.session)
                    db.session.commit()
                except DomainError as error:
                    db.session.rollback()
                    return type(error).__name__
                return "done"

        with ThreadPoolExecutor(len(acts)) as pool:
            return sorted(pool.map(run, acts))

    def read(self, find: Callable[[Any], Any]) -> Any:
        """What is in the database afterwards."""
        with self.app.app_context():
            enter_school(db.session, self.school_id)
            return find(db.session)


@pytest.fixture(scope="module")
def place(settings: Settings) -> Iterator[Place]:
    """The school."""
    with app_of_its_own(settings, "together") as app:
        with app.app_context():
            ours = worlds.two_schools(db.session).ours
            people = [By(one.id, one.name) for one in (ours.form_master, ours.head)]
            found = Place(app, ours.school.id, ours.student.id, *people)
            db.session.commit()
        yield found


def course(place: Place, case_id: int) -> list[tuple[str, str | None]]:
    """What the course of a case tells, oldest first, without its opening."""

    def find(session: Any) -> list[tuple[str, str | None]]:
        events = courses_of(session, [case_id])[case_id]
        return [(event.done_by_name, event.text) for event in reversed(events)][1:]

    return place.read(find)


def test_of_two_who_close_a_case_one_does_and_the_other_is_told(place: Place) -> None:
    for _ in range(ROUNDS):
        case_id = place.new_case()

        def close(by: By, case_id: int = case_id) -> Callable[[Any], Any]:
            return lambda session: service.close(session, case_id, Ending(Outcome.IMPROVED, by.name), by=by)

        assert place.at_once(close(place.master), close(place.head)) == ["CaseAlreadyClosed", "done"]
        ((who, why),) = course(place, case_id)
        assert who == why
        assert place.read(lambda session, case_id=case_id: session.get_one(Case, case_id).outcome_note) == why


def test_a_note_is_kept_before_the_case_closes_or_refused_after_and_never_lost_in_between(place: Place) -> None:
    for number in range(ROUNDS):
        case_id, words = place.new_case(), f"note {number}"
        result = place.at_once(
            lambda session, case_id=case_id: service.close(
                session, case_id, Ending(Outcome.IMPROVED, "Better."), by=place.head
            ),
            lambda session, case_id=case_id, words=words: service.add_note(session, case_id, words, by=place.master),
        )
        kept = place.read(lambda session, words=words: session.scalars(select(Note).where(Note.body == words)).all())
        assert result in (["done", "done"], ["CaseAlreadyClosed", "done"])
        assert len(kept) == (result == ["done", "done"])


def test_of_two_who_escalate_a_case_one_does_and_the_other_is_told(place: Place) -> None:
    for _ in range(ROUNDS):
        case_id = place.new_case()

        def escalate(by: By, case_id: int = case_id) -> Callable[[Any], Any]:
            return lambda session: service.escalate(session, case_id, reason=by.name, by=by)

        assert place.at_once(escalate(place.master), escalate(place.head)) == ["CaseChanged", "done"]
        assert len(course(place, case_id)) == 1


def test_of_two_who_hand_a_case_over_the_second_sees_its_new_champion_first(place: Place) -> None:
    for _ in range(ROUNDS):
        case_id = place.new_case()
        to = HandOver(place.head.id, "Please.", from_id=place.master.id)

        def hand_over(by: By, to: HandOver = to, case_id: int = case_id) -> Callable[[Any], Any]:
            return lambda session: service.hand_over(session, case_id, to, by=by)

        assert place.at_once(hand_over(place.master), hand_over(place.head)) == ["CaseChanged", "done"]
        assert place.read(lambda session, case_id=case_id: session.get_one(Case, case_id).assigned_to) == place.head.id
        assert len(course(place, case_id)) == 1


def test_an_extension_and_an_escalation_at_once_are_both_kept_and_the_case_is_escalated(place: Place) -> None:
    for _ in range(ROUNDS):
        case_id, later = place.new_case(), TODAY + timedelta(90)
        result = place.at_once(
            lambda session, case_id=case_id, later=later: service.extend(
                session, case_id, review_on=later, reason="More time.", by=place.master, today=TODAY
            ),
            lambda session, case_id=case_id: service.escalate(session, case_id, reason="No answer.", by=place.head),
        )
        assert result == ["done", "done"]
        case = place.read(lambda session, case_id=case_id: session.get_one(Case, case_id))
        assert (case.status.value, case.tier, case.review_on) == ("escalated", 3, later)
        assert {text for _, text in course(place, case_id)} == {"More time.", "No answer."}


DOUBLE: dict[str, Callable[[Place, int, str], Callable[[Any], Any]]] = {
    "step": lambda place, case_id, once: (
        lambda session: service.add_step(session, case_id, title=once, due_on=TODAY, today=TODAY, once=once)
    ),
    "note": lambda place, case_id, once: (
        lambda session: service.add_note(session, case_id, once, by=place.master, once=once)
    ),
    "note on the student": lambda place, case_id, once: (
        lambda session: add_note(session, place.student_id, Draft(once), by=place.master, once=once)
    ),
    "case": lambda place, case_id, once: (
        lambda session: service.open_case(
            session, place.student_id, Plan(once, "Check in."), by=place.master, today=TODAY, once=once
        )
    ),
    "extension": lambda place, case_id, once: (
        lambda session: service.extend(
            session, case_id, review_on=TODAY + timedelta(90), reason=once, by=place.master, today=TODAY, once=once
        )
    ),
    "ending": lambda place, case_id, once: (
        lambda session: service.close(session, case_id, Ending(Outcome.IMPROVED, once), by=place.master, once=once)
    ),
}


@pytest.mark.parametrize("what", DOUBLE)
def test_a_form_that_arrives_twice_at_the_same_moment_makes_one_thing(place: Place, what: str) -> None:
    for _ in range(ROUNDS):
        case_id, once = place.new_case(), new_once()
        act = DOUBLE[what](place, case_id, once)
        assert place.at_once(act, act) == ["done", "done"]

        def made(session: Any, case_id: int = case_id, once: str = once) -> int:
            steps = session.scalars(select(CaseStep).where(CaseStep.title == once)).all()
            notes = session.scalars(select(Note).where(Note.body == once)).all()
            cases = session.scalars(select(Case).where(Case.goal == once)).all()
            events = [event for event in courses_of(session, [case_id])[case_id] if event.text == once]
            return len(steps) + len(notes) + len(cases) + len(events)

        assert place.read(made) == 1
