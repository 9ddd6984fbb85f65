"""Whatever files and people say of some days, a file leaves what people stated and makes of the rest what it says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from school_app.alerts.facts import AttendanceCategory
from school_app.attendance.models import AttendanceMark, Register, RegisterState, Session, Source
from school_app.attendance.queries import WEIGHT, exceptions_of
from school_app.attendance.roll import Group, Slot
from school_app.attendance.service import take_back
from school_app.rosters.attendance import import_attendance
from school_app.rosters.local import Known
from school_app.rosters.span import Span
from tests.factories import TwoSchools, World
from tests.rosters.attendance_files import day, file_of, row, take

BACKS = range(7, 1, -1)
NAMED = Span(day(7), day(2))
Said = tuple[int, int, Session, AttendanceCategory]


@dataclass(frozen=True)
class Story:
    """An earlier file, what people then did with the first form's registers (by days back), and the file to test."""

    earlier: list[Said]
    people: dict[int, tuple[AttendanceCategory, AttendanceCategory, bool]]
    file: list[Said]


CATEGORIES = st.sampled_from(AttendanceCategory)
SAID = st.lists(st.tuples(st.integers(0, 3), st.sampled_from(BACKS), st.sampled_from(Session), CATEGORIES), max_size=12)
PEOPLE = st.dictionaries(st.sampled_from(BACKS), st.tuples(CATEGORIES, CATEGORIES, st.booleans()), max_size=4)


def rows_of(world: World, said: list[Said]) -> list[str]:
    return [row(world.students[number], back, part, category.value) for number, back, part, category in said]


def act(session: Any, world: World, story: Story) -> None:
    for back, (first, second, is_taken_back) in story.people.items():
        take(session, world, back, first=first, second=second)
        if is_taken_back:
            slot = Slot(day(back), Session.DAY)
            take_back(session, Group(world.form.id, world.form.name), slot=slot, reason="It was wrong")


def stated_by_people(session: Any) -> list[Any]:
    """The registers that people took or took back, their marks, and whatever else people marked."""
    theirs = (Register.source == Source.PERSON) & (Register.state == RegisterState.TAKEN)
    untaken = Register.state == RegisterState.NOT_TAKEN
    registers = session.execute(
        select(Register.id, Register.state, Register.source, Register.taken_at).where(theirs | untaken)
    )
    marks = session.execute(
        select(AttendanceMark.id, AttendanceMark.register_id, AttendanceMark.code_id, AttendanceMark.session)
        .join(Register, Register.id == AttendanceMark.register_id)
        .where(theirs | (AttendanceMark.source == Source.PERSON))
        .order_by(AttendanceMark.id)
    )
    return [sorted(registers), list(marks)]


def expected(said: list[Said], number: int, back: int) -> AttendanceCategory:
    """What a patient clerk reads in the file: a whole day's absence first, else the gravest row."""
    rows = [(part, category) for who, when, part, category in said if (who, when) == (number, back)]
    whole = [category for part, category in rows if part is Session.DAY and category.is_absent]
    found = whole or [category for _, category in rows]
    return max(found, key=WEIGHT.__getitem__, default=AttendanceCategory.PRESENT)


@settings(
    max_examples=30,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.builds(Story, earlier=SAID, people=PEOPLE, file=SAID))
def test_a_file_states_the_days_that_people_did_not(
    session: Any, two_schools: TwoSchools, tmp_path: Path, story: Story
) -> None:
    ours = two_schools.ours
    undo = session.begin_nested()
    how: dict[str, Any] = {"named": NAMED, "is_chosen": True}
    import_attendance(session, file_of(tmp_path, rows_of(ours, story.earlier)), Known(), **how)
    act(session, ours, story)
    before = stated_by_people(session)
    import_attendance(session, file_of(tmp_path, rows_of(ours, story.file)), Known(), **how)
    session.flush()
    assert stated_by_people(session) == before
    again = import_attendance(session, file_of(tmp_path, rows_of(ours, story.file)), Known(), **how)
    assert again.differences == 0
    ids = [one.id for one in ours.students[:4]]
    counted = exceptions_of(session, ids, first=NAMED.first, last=NAMED.last)
    for number, id_ in enumerate(ids):
        for back in BACKS:
            if number < 3 and back in story.people:
                continue
            found = counted.get(id_, {}).get((day(back), Session.DAY.value), AttendanceCategory.PRESENT)
            assert found is expected(story.file, number, back)
    undo.rollback()
    session.expire_all()
