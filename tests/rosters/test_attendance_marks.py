"""Which marks and registers a file of attendance leaves, and that a second time it changes nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from school_app.attendance.models import AttendanceCode, AttendanceMark, Register, RegisterState, Session, Source
from school_app.attendance.roll import Group, Slot
from school_app.attendance.service import take_back
from school_app.rosters.attendance import import_attendance
from school_app.rosters.local import Known
from school_app.schools.context import present_school
from school_app.schools.models import CalendarDay, DayType, Form, SessionScheme
from school_app.students.models import Enrolment, Student
from tests.factories import TwoSchools, added
from tests.rosters.attendance_files import (
    ABSENT,
    EXCUSED,
    LATE,
    PRESENT,
    bring_in,
    day,
    file_of,
    imported,
    marks,
    registers,
    row,
    take,
    year_before,
)


@pytest.mark.parametrize("code", ["absent_excused", "late", "not_required"])
def test_a_register_that_a_person_took_states_presence_too(
    session: Any, two_schools: TwoSchools, tmp_path: Path, code: str
) -> None:
    ours = two_schools.ours
    take(session, ours, 3, first=ABSENT)
    counts, notes = bring_in(session, tmp_path, row(ours.students[1], 3, code=code))
    assert counts.added == {"register": 1}
    assert marks(session, ours.students[1], 3) == []
    assert notes == [
        f"attendance.csv, line 2, column code: A person recorded present; the file says '{code}'. "
        "What a person recorded is kept.",
        f"attendance.csv: Marks of people where the file says present: 1, the first on {day(3)}. "
        "What a person recorded is kept.",
    ]


def test_a_mark_of_a_person_is_noted_only_where_the_file_says_otherwise(
    session: Any, two_schools: TwoSchools, tmp_path: Path
) -> None:
    ours = two_schools.ours
    first, second, third = ours.students[:3]
    take(session, ours, 3, first=ABSENT, second=ABSENT, third=LATE)
    _, notes = bring_in(
        session,
        tmp_path,
        row(first, 3, code="absent_unexcused"),
        row(second, 3, code="absent_excused", rest=",ill"),
        row(third, 3, "AM", "late", "12,"),
    )
    assert [note.split(": ", 1)[1] for note in notes] == [
        "A person recorded 'absent_unexcused'; the file says 'absent_excused', “ill”. What a person recorded is kept.",
        "A person recorded 'late'; the file says 'late', 12 minutes. What a person recorded is kept.",
    ]
    assert marks(session, second, 3) == [("absent_unexcused", Session.DAY, Source.PERSON)]


def test_a_mark_that_a_person_let_stand_is_theirs(session: Any, two_schools: TwoSchools, tmp_path: Path) -> None:
    ours = two_schools.ours
    first, second = ours.students[:2]
    bring_in(session, tmp_path, row(first, 3))
    take(session, ours, 3, first=EXCUSED, second=LATE)
    assert marks(session, first, 3) == [imported("absent_excused")]
    counts, notes = bring_in(session, tmp_path, row(second, 3, code="late"), row(second, 2))
    assert marks(session, first, 3) == [imported("absent_excused")]
    assert counts.ended == {}
    assert "Marks of people where the file says present: 1" in notes[0]


def test_a_register_that_a_person_took_back_stays_so(session: Any, two_schools: TwoSchools, tmp_path: Path) -> None:
    ours = two_schools.ours
    first, second = ours.students[:2]
    take(session, ours, 3, first=ABSENT)
    take_back(session, Group(ours.form.id, ours.form.name), slot=Slot(day(3), Session.DAY), reason="Wrong day")
    counts, notes = bring_in(session, tmp_path, row(second, 3), row(second, 2))
    assert registers(session, ours.form)[day(3)] is RegisterState.NOT_TAKEN
    assert counts.added == {"register": 3, "attendance_mark": 2}
    assert notes == [
        f"attendance.csv: Taken back by a person, and left so: the register of 9A canary-ours on {day(3)}. "
        "Have it taken anew where the file is right.",
        f"attendance.csv: Marks of people where the file says present: 1, the first on {day(3)}. "
        "What a person recorded is kept.",
    ]
    # The file's mark waits beside the person's for whoever takes the register anew.
    assert marks(session, first, 3) == [("absent_unexcused", Session.DAY, Source.PERSON)]
    assert marks(session, second, 3) == [imported("absent_excused")]


def test_a_mark_in_the_register_of_a_class_is_none_in_that_of_the_form(
    session: Any, two_schools: TwoSchools, tmp_path: Path
) -> None:
    ours = two_schools.ours
    lesson = added(
        session,
        Register(
            teaching_group_id=ours.things["teaching_group"].id,
            date=day(3),
            session=Session.DAY,
            state=RegisterState.TAKEN,
        ),
    )
    of_class = added(
        session,
        AttendanceMark(
            register_id=lesson.id,
            student_id=ours.student.id,
            date=day(3),
            session=Session.DAY,
            code_id=ours.codes[LATE].id,
            recorded_at=datetime.now(UTC),
        ),
    )
    bring_in(session, tmp_path, row(ours.student, 3))
    assert marks(session, ours.student, 3) == [imported("absent_excused")]
    assert session.get(AttendanceMark, of_class.id).code_id == ours.codes[LATE].id


def test_a_person_who_saves_a_register_waits_until_the_file_is_in(
    session: Any, two_schools: TwoSchools, tmp_path: Path, statements: list[str]
) -> None:
    import_attendance(session, file_of(tmp_path, [row(two_schools.ours.student, 3)]), Known())
    locked = next(n for n, one in enumerate(statements) if "FROM form" in one and one.endswith("FOR UPDATE"))
    assert locked < next(n for n, one in enumerate(statements) if "FROM register" in one)


def test_of_two_forms_of_a_student_the_register_of_a_person_holds(
    session: Any, two_schools: TwoSchools, tmp_path: Path
) -> None:
    ours = two_schools.ours
    take(session, ours, 3)
    added(session, Enrolment(student_id=ours.student.id, form_id=ours.other_form.id, starts_on=day(10)))
    _, notes = bring_in(session, tmp_path, row(ours.student, 3), row(ours.student, 2))
    assert marks(session, ours.student, 3) == []
    assert len(notes) == 1
    mark = session.scalars(select(AttendanceMark).where(AttendanceMark.date == day(2))).one()
    assert session.get(Register, mark.register_id).form_id == ours.other_form.id


@pytest.mark.parametrize("is_day_first", [True, False])
def test_a_whole_days_absence_holds_before_a_mark_for_a_part_of_it(
    session: Any, two_schools: TwoSchools, tmp_path: Path, is_day_first: bool
) -> None:
    one = two_schools.ours.student
    rows = [row(one, 3), row(one, 3, "AM", "absent_unexcused")]
    counts, notes = bring_in(session, tmp_path, *(rows if is_day_first else reversed(rows)))
    assert marks(session, one, 3) == [imported("absent_excused")]
    assert counts.added["attendance_mark"] == 1
    line, other = (3, 2) if is_day_first else (2, 3)
    assert notes == [
        f"attendance.csv, line {line}, column session: The student has a mark for this session by line {other} "
        "(absent_excused). A whole day’s absence holds, else the graver row, else the first."
    ]


def test_a_stored_mark_for_another_part_of_the_day_gives_way(
    session: Any, two_schools: TwoSchools, tmp_path: Path
) -> None:
    one = two_schools.ours.student
    bring_in(session, tmp_path, row(one, 3, "AM", "late", "12,"))
    counts, _ = bring_in(session, tmp_path, row(one, 3))
    assert marks(session, one, 3) == [imported("absent_excused")]
    assert counts.changed == {"attendance_mark": 1}
    bring_in(session, tmp_path, row(one, 3, "PM", "late", "5,"))
    assert marks(session, one, 3) == [imported("late", Session.PM)]


def test_two_stored_marks_in_one_place_become_one(session: Any, two_schools: TwoSchools, tmp_path: Path) -> None:
    ours = two_schools.ours
    bring_in(session, tmp_path, row(ours.student, 3))
    stored = session.scalars(select(AttendanceMark).where(AttendanceMark.date == day(3))).one()
    added(
        session,
        AttendanceMark(
            register_id=stored.register_id,
            student_id=ours.student.id,
            date=day(3),
            session=Session.AM,
            code_id=ours.codes[LATE].id,
            source=Source.IMPORT,
            recorded_at=datetime.now(UTC),
        ),
    )
    counts, _ = bring_in(session, tmp_path, row(ours.student, 3))
    assert counts.ended == {"attendance_mark": 1}
    assert marks(session, ours.student, 3) == [imported("absent_excused")]


def test_half_days_have_two_places(session: Any, two_schools: TwoSchools, tmp_path: Path) -> None:
    ours = two_schools.ours
    # Pages may know the school for a minute as it was; what a file leaves is of the school as it is.
    assert present_school(session).session_scheme is SessionScheme.DAY
    ours.school.session_scheme = SessionScheme.AM_PM
    session.flush()
    one, two = ours.students[:2]
    rows = row(one, 3), row(one, 3, "AM", "late", "12,"), row(two, 3, "AM"), row(two, 3, "PM", "late", "5,")
    counts, notes = bring_in(session, tmp_path, *rows)
    assert marks(session, one, 3) == [imported("absent_excused", Session.AM), imported("absent_excused", Session.PM)]
    assert marks(session, two, 3) == [imported("absent_excused", Session.AM), imported("late", Session.PM)]
    assert counts.added == {"register": 4, "attendance_mark": 4}
    assert len(notes) == 1


def test_days_registered_whole_stay_whole_where_the_school_has_changed_to_half_days(
    session: Any, two_schools: TwoSchools, tmp_path: Path
) -> None:
    ours = two_schools.ours
    bring_in(session, tmp_path, row(ours.student, 3))
    ours.school.session_scheme = SessionScheme.AM_PM
    session.flush()
    counts, _ = bring_in(session, tmp_path, row(ours.student, 3), row(ours.student, 2))
    assert counts.added == {"register": 4, "attendance_mark": 2}
    assert marks(session, ours.student, 3) == [imported("absent_excused")]


def marked_on_a_holiday(session: Any, student: Student, tmp_path: Path) -> AttendanceMark:
    """A mark of a file that came while its day was a holiday; now the day is one of school."""
    holiday = session.scalars(select(CalendarDay).where(CalendarDay.date == day(3))).one()
    holiday.day_type = DayType.HOLIDAY
    session.flush()
    bring_in(session, tmp_path, row(student, 3))
    found: AttendanceMark = session.scalars(select(AttendanceMark).where(AttendanceMark.date == day(3))).one()
    assert found.register_id is None
    holiday.day_type = DayType.INSTRUCTIONAL
    session.flush()
    return found


def test_a_mark_finds_its_register_when_the_calendar_is_corrected(
    session: Any, two_schools: TwoSchools, tmp_path: Path
) -> None:
    ours = two_schools.ours
    found = marked_on_a_holiday(session, ours.student, tmp_path)
    counts, _ = bring_in(session, tmp_path, row(ours.student, 3))
    assert (counts.added, counts.changed) == ({"register": 2}, {"attendance_mark": 1})
    assert session.get(Register, found.register_id).form_id == ours.form.id


def test_a_mark_moves_with_its_student_to_another_form(session: Any, two_schools: TwoSchools, tmp_path: Path) -> None:
    ours = two_schools.ours
    bring_in(session, tmp_path, row(ours.student, 3))
    place = session.scalars(select(Enrolment).where(Enrolment.student_id == ours.student.id)).one()
    place.ends_on = day(5)
    added(session, Enrolment(student_id=ours.student.id, form_id=ours.other_form.id, starts_on=day(4)))
    counts, _ = bring_in(session, tmp_path, row(ours.student, 3))
    mark = session.scalars(select(AttendanceMark).where(AttendanceMark.date == day(3))).one()
    assert session.get(Register, mark.register_id).form_id == ours.other_form.id
    assert counts.changed == {"attendance_mark": 1}


def test_a_mark_without_a_register_does_not_enter_one_that_a_person_took(
    session: Any, two_schools: TwoSchools, tmp_path: Path
) -> None:
    ours = two_schools.ours
    marked_on_a_holiday(session, ours.student, tmp_path)
    take(session, ours, 3)
    _, notes = bring_in(session, tmp_path, row(ours.student, 3))
    assert session.scalars(select(AttendanceMark.register_id).where(AttendanceMark.date == day(3))).one() is None
    assert "A person recorded present; the file says 'absent_excused'" in notes[0]
    bring_in(session, tmp_path, row(ours.student, 2), row(ours.student, 4))
    assert marks(session, ours.student, 3) == []


def test_a_day_on_which_nobody_is_in_a_form_has_no_register(
    session: Any, two_schools: TwoSchools, tmp_path: Path
) -> None:
    ours = two_schools.ours
    for place in session.scalars(select(Enrolment).where(Enrolment.form_id == ours.other_form.id)):
        place.starts_on, place.ends_on = day(4), day(3)
    session.flush()
    bring_in(session, tmp_path, row(ours.student, 6), row(ours.student, 2))
    assert sorted(registers(session, ours.other_form)) == [day(4), day(3)]


def test_a_place_of_last_year_without_an_end_has_no_register_this_year(
    session: Any, two_schools: TwoSchools, tmp_path: Path
) -> None:
    ours = two_schools.ours
    year = year_before(session, ours)
    old = added(session, Form(school_year_id=year.id, name="8A", year_group_id=ours.things["year_group"].id))
    added(session, Enrolment(student_id=ours.student.id, form_id=old.id, starts_on=year.starts_on))
    bring_in(session, tmp_path, row(ours.student, 3))
    assert registers(session, old) == {}
    mark = session.scalars(select(AttendanceMark).where(AttendanceMark.date == day(3))).one()
    assert session.get(Register, mark.register_id).form_id == ours.form.id


def test_what_an_earlier_file_said_of_anyone_is_ended_within_the_days_of_this_one(
    session: Any, two_schools: TwoSchools, tmp_path: Path
) -> None:
    ours = two_schools.ours
    first, second, third = ours.students[:3]
    bring_in(session, tmp_path, row(first, 6), row(second, 4), row(third, 4), row(second, 3))
    # The day with the row of a school elsewhere is spoken for, too; the first day is not.
    counts, _ = bring_in(
        session, tmp_path, row(first, 5), f"elsewhere,{day(3)},DAY,late,,", known=Known(frozenset({"elsewhere"}))
    )
    assert (counts.added, counts.ended) == ({"attendance_mark": 1}, {"attendance_mark": 3})
    assert marks(session, first, 6) == [imported("absent_excused")]
    assert marks(session, second, 3) == marks(session, second, 4) == marks(session, third, 4) == []


def test_a_row_that_says_present_makes_no_mark_and_no_code(
    session: Any, two_schools: TwoSchools, tmp_path: Path
) -> None:
    ours = two_schools.ours
    one, two = ours.students[:2]
    for code in session.scalars(select(AttendanceCode).where(AttendanceCode.category == PRESENT)):
        code.code = "P"
    bring_in(session, tmp_path, row(one, 4))
    rows = row(one, 4, code="present"), row(two, 3, "AM", "P", "0,"), row(two, 3, "PM", "late"), row(two, 2, "AM", "P")
    counts, notes = bring_in(session, tmp_path, *rows)
    assert counts.added == {"register": 4, "attendance_mark": 1}
    assert counts.ended == {"attendance_mark": 1}
    assert marks(session, two, 3) == [imported("late", Session.PM)]
    assert notes == [
        "attendance.csv, line 2, column code: Rows that say present, from this one on: 3. "
        "Presence is no exception; they make no marks."
    ]


def test_the_number_of_statements_does_not_grow_with_the_rows(
    session: Any, two_schools: TwoSchools, tmp_path: Path, statements: list[str]
) -> None:
    ours = two_schools.ours

    def cost(*rows: str) -> int:
        statements.clear()
        import_attendance(session, file_of(tmp_path, rows), Known())
        return len(statements)

    few = cost(row(ours.student, 20), row(ours.student, 15))
    many = cost(*(row(one, back) for one in ours.students for back in range(5, 15)))
    assert many <= few
    # Each changed or ended mark is written and recorded by itself, in batches.
    changed = cost(*(row(one, back, code="late") for one in ours.students[:3] for back in range(5, 15)))
    assert changed <= few + 6
