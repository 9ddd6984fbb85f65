"""The registers of forms on the days for which a file of attendance speaks: those that stand, and those it states.

rosters.attendance uses it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import insert, or_, select

from school_app.attendance.models import Register, RegisterState, Source
from school_app.attendance.models import Session as Part
from school_app.attendance.parts import PARTS
from school_app.core import clock
from school_app.rosters.local import REASON, AnySession, File, in_batches
from school_app.rosters.merge import Counts
from school_app.rosters.span import Span, Spoken
from school_app.schools.closed import YearClosed, refuse_closed
from school_app.schools.models import Form
from school_app.schools.queries import school_days, session_scheme_of
from school_app.students.models import Enrolment

Slot = tuple[int, date, Part]
NAMED = 5


@dataclass(frozen=True, slots=True)
class Standing:
    """A form's register as it is stored."""

    id: int
    slot: Slot
    is_taken: bool
    source: Source

    @property
    def is_persons(self) -> bool:
        """Whether a person took it, and so stated for everyone in it what it says, presence included."""
        return self.is_taken and self.source is Source.PERSON


@dataclass(frozen=True, slots=True)
class Place:
    """A student's form from a day to a day (None: until further notice), both included."""

    form_id: int
    starts_on: date
    ends_on: date | None

    def covers(self, on: date) -> bool:
        """Whether the student was in the form on a day."""
        return self.starts_on <= on and (self.ends_on is None or on <= self.ends_on)


@dataclass(frozen=True, slots=True)
class Registers:
    """The registers of a span, and where each student was enrolled, the latest place first."""

    by_slot: Mapping[Slot, Standing]
    by_id: Mapping[int, Standing]
    places: Mapping[int, Sequence[Place]]
    sessions: tuple[Part, ...]

    def of(self, student_id: int, on: date, part: Part) -> Standing | None:
        """The register in which a student's mark stands; of several forms' the one that a person took."""
        slots = ((form_id, on, part) for form_id in self._forms(student_id, on))
        found = [self.by_slot[slot] for slot in slots if slot in self.by_slot]
        return next((one for one in found if one.is_persons), found[0] if found else None)

    def sessions_for(self, student_id: int, on: date) -> tuple[Part, ...]:
        """For which parts of a day registers are taken in a student's form."""
        forms = self._forms(student_id, on)
        return self.sessions_on(forms[0], on) if forms else self.sessions

    def sessions_on(self, form_id: int, on: date) -> tuple[Part, ...]:
        """For which parts of a day a form's registers are taken.

        A school may have changed between whole and half days since: what was taken in the other way stands.
        """
        for parts in (self.sessions, *PARTS.values()):
            if any((one := self.by_slot.get((form_id, on, part))) and one.is_taken for part in parts):
                return parts
        return self.sessions

    def _forms(self, student_id: int, on: date) -> list[int]:
        return [place.form_id for place in self.places.get(student_id, ()) if place.covers(on)]


def state_registers(session: AnySession, file: File, spoken: Spoken, counts: Counts) -> Registers:
    """Take, as the file states it, each form's register that nobody has taken; a day without students has none.

    A register that a person took back stays so: it says nothing until a person takes it anew.
    """
    _refuse_closed(session, file, spoken.span)
    forms = _locked_forms(session, spoken)
    places = _places(session, forms, spoken.span)
    before = Registers(*_stored(session, spoken.span), places, PARTS[session_scheme_of(session)])
    active = {id_: name for id_, (name, is_active) in forms.items() if is_active}
    wanted = [
        (form_id, on, part)
        for form_id, on in _days_with_students(session, places, spoken.span)
        if form_id in active
        for part in before.sessions_on(form_id, on)
    ]
    fresh = [slot for slot in wanted if slot not in before.by_slot]
    counts.note("added", "register", len(fresh))
    counts.note("unchanged", "register", len(wanted) - len(fresh))
    _note_taken_back(file, [before.by_slot[slot] for slot in wanted if slot in before.by_slot], active)
    if not fresh:
        return before
    _add(session, fresh)
    return Registers(*_stored(session, spoken.span), places, before.sessions)


def _refuse_closed(session: AnySession, file: File, span: Span) -> None:
    """Refuse the whole file where it speaks for a day of a closed school year. Raises ImportRefused."""
    try:
        refuse_closed(session, span.first, span.last)
    except YearClosed as error:
        file.wrong(
            None, None, f"The file speaks for {span}. {error}", "Leave these days out, or have the year reopened."
        )
        file.problems.refuse_if_any()


def _note_taken_back(file: File, found: Sequence[Standing], names: Mapping[int, str]) -> None:
    back = [f"{names[one.slot[0]]} on {one.slot[1]}" for one in found if not one.is_taken]
    if back:
        shown = ", ".join(back[:NAMED]) + (f" and {len(back) - NAMED} more" if len(back) > NAMED else "")
        message = f"Taken back by a person, and left so: the register of {shown}."
        file.noted(None, None, message, "Have it taken anew where the file is right.")


def _locked_forms(session: AnySession, spoken: Spoken) -> dict[int, tuple[str, bool]]:
    """The names of the year's forms, and whether each is active; a person who saves a register waits meanwhile."""
    statement = (
        select(Form.id, Form.name, Form.is_active).where(Form.school_year_id == spoken.year.id).order_by(Form.id)
    )
    return {id_: (name, is_active) for id_, name, is_active in session.execute(statement.with_for_update())}


def _places(session: AnySession, forms: Mapping[int, object], span: Span) -> dict[int, list[Place]]:
    # Places in forms of other years may lack their end, so only those of this year's forms are asked for.
    statement = (
        select(Enrolment.student_id, Enrolment.form_id, Enrolment.starts_on, Enrolment.ends_on)
        .where(
            Enrolment.form_id.in_(forms),
            Enrolment.starts_on <= span.last,
            or_(Enrolment.ends_on.is_(None), Enrolment.ends_on >= span.first),
        )
        .order_by(Enrolment.starts_on.desc(), Enrolment.id.desc())
    )
    places: dict[int, list[Place]] = defaultdict(list)
    for student_id, form_id, starts_on, ends_on in session.execute(statement):
        places[student_id].append(Place(form_id, starts_on, ends_on))
    return places


def _stored(session: AnySession, span: Span) -> tuple[dict[Slot, Standing], dict[int, Standing]]:
    rows = session.execute(
        select(Register.id, Register.form_id, Register.date, Register.session, Register.state, Register.source).where(
            Register.form_id.is_not(None), Register.date.between(span.first, span.last)
        )
    )
    found = [
        Standing(id_, (form_id or 0, on, part), is_taken=state is RegisterState.TAKEN, source=source)
        for id_, form_id, on, part, state, source in rows
    ]
    return {one.slot: one for one in found}, {one.id: one for one in found}


def _days_with_students(
    session: AnySession, places: Mapping[int, Sequence[Place]], span: Span
) -> Iterator[tuple[int, date]]:
    """Each form with its school days on which a student was in it."""
    distinct: dict[int, set[Place]] = defaultdict(set)
    for found in places.values():
        for place in found:
            distinct[place.form_id].add(place)
    days = school_days(session, span.first, span.last)
    for form_id in sorted(distinct):
        yield from ((form_id, on) for on in days if any(place.covers(on) for place in distinct[form_id]))


def _add(session: AnySession, fresh: Sequence[Slot]) -> None:
    now = clock.now()
    rows = [
        {
            "form_id": form_id,
            "date": on,
            "session": part,
            "state": RegisterState.TAKEN,
            "source": Source.IMPORT,
            "taken_at": now,
        }
        for form_id, on, part in fresh
    ]
    for batch in in_batches(rows):
        session.execute(insert(Register), batch, execution_options={"audit_reason": REASON})
