"""Imports: what a bundle and the local files bring in, that the second time changes nothing, and what is refused."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from school_app.accounts.models import Account, AccountRole
from school_app.alerts.facts import AttendanceCategory
from school_app.attendance.models import AttendanceMark, Register, RegisterState, Source
from school_app.behaviour.models import Incident
from school_app.core.permissions import Role
from school_app.core.tenancy import all_schools, enter_school, use_school
from school_app.marks.models import AssessmentResult
from school_app.rosters.attendance import import_attendance
from school_app.rosters.behaviour import import_behaviour
from school_app.rosters.brake import ImportBrake
from school_app.rosters.calendar import import_calendar
from school_app.rosters.local import File, Known
from school_app.rosters.problems import ImportRefused, Problems
from school_app.rosters.service import Options, free_slug, import_bundle, import_own
from school_app.schools.models import CalendarDay, DayType, Form, FormMaster, School, TeachingGroup
from school_app.students.models import Enrolment, Guardian, Student
from tests.days import TODAY
from tests.factories import TwoSchools
from tests.rosters.bundles import school, write


def brought_in(session: Any, path: Path, **options: Any) -> Any:
    enter_school(session, None)
    outcome = import_bundle(session, path, Options(**options))
    session.flush()
    return outcome


def school_id(session: Any) -> int:
    with all_schools(session):
        found: int = session.scalars(select(School.id).where(School.sourced_id == "S1")).one()
        return found


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_a_bundle_becomes_a_school_and_the_second_time_changes_nothing(
    session: Any, two_schools: TwoSchools, tmp_path: Path, version: str
) -> None:
    path = write(tmp_path / "b.zip", school(version), version)
    first = brought_in(session, path, timezone="Europe/London")
    assert first.schools["Hill School"].added["student"] == 2
    with use_school(session, school_id(session)):
        form = session.scalars(select(Form)).one()
        ann = session.scalars(select(Student).where(Student.sourced_id == "s1")).one()
        assert (form.name, ann.form_id, ann.birth_date) == ("9A", form.id, date(2011, 5, 17))
        master = session.scalars(select(Account).join(FormMaster, FormMaster.account_id == Account.id)).one()
        assert (master.login, master.password_hash) == ("tess@hill-school", None)
        roles = set(session.scalars(select(AccountRole.role).where(AccountRole.account_id == master.id)))
        assert roles == {Role.FORM_MASTER, Role.TEACHER}
        assert session.scalars(select(Guardian.phone)).one() == "555 1"
        assert session.scalars(select(TeachingGroup.name)).one() == "Maths 9"
        assert session.scalars(select(AssessmentResult.score)).one() == 103
    assert brought_in(session, path).differences == 0


def test_a_changed_row_is_changed_and_what_the_school_set_stays(
    session: Any, two_schools: TwoSchools, tmp_path: Path
) -> None:
    brought_in(session, write(tmp_path / "b.zip", school()))
    with use_school(session, school_id(session)):
        session.scalars(select(Account)).one().login = "own@choice"
    rows = school()
    rows["users.csv"][1]["familyName"] = "Abel"
    outcome = brought_in(session, write(tmp_path / "c.zip", rows))
    assert outcome.schools["Hill School"].changed == {"student": 1}
    with use_school(session, school_id(session)):
        assert session.scalars(select(Account.login)).one() == "own@choice"


def test_leavers_beyond_the_brake_stop_the_import_unless_forced(
    session: Any, two_schools: TwoSchools, tmp_path: Path
) -> None:
    brought_in(session, write(tmp_path / "b.zip", school()))
    rows = school()
    rows["users.csv"] = [one for one in rows["users.csv"] if one["sourcedId"] != "s2"]
    rows["enrollments.csv"] = [one for one in rows["enrollments.csv"] if one["userSourcedId"] != "s2"]
    path = write(tmp_path / "c.zip", rows)
    with session.begin_nested() as attempt:
        with pytest.raises(ImportBrake, match="1 of 2 students"):
            import_own_of(session, path)
        attempt.rollback()
    outcome = brought_in(session, path, force=True)
    assert outcome.schools["Hill School"].ended == {"student": 1, "enrolment": 1}
    with use_school(session, school_id(session)):
        ben = session.scalars(select(Student).where(Student.sourced_id == "s2")).one()
        place = session.scalars(select(Enrolment).where(Enrolment.student_id == ben.id)).one()
        assert (ben.is_active, place.ends_on is not None) == (False, True)
    assert brought_in(session, path).differences == 0


def import_own_of(session: Any, path: Path) -> Any:
    enter_school(session, school_id(session))
    return import_own(session, path, name=path.name)


def test_an_admin_brings_in_the_own_school_alone(session: Any, two_schools: TwoSchools, tmp_path: Path) -> None:
    path = write(tmp_path / "b.zip", school())
    with pytest.raises(ImportRefused, match="None of its schools is School canary-ours"):
        import_own(session, path, name="b.zip")
    assert session.scalar(select(func.count()).select_from(Student)) == 6


def test_short_names_of_schools_are_free_ones() -> None:
    assert free_slug("Grand Bend (High)", set()) == "grand-bend-high"
    assert free_slug("École", {"cole"}) == "cole-2"
    assert free_slug("…", set()) == "school"


def write_csv(tmp_path: Path, name: str, *lines: str) -> File:
    path = tmp_path / name
    path.write_text("\n".join(lines) + "\n")
    return File(path, name, Problems())


def test_attendance_brings_registers_and_exceptions_and_the_second_time_changes_nothing(
    session: Any, two_schools: TwoSchools, tmp_path: Path
) -> None:
    ours = two_schools.ours
    one, two = ours.students[1].sourced_id, ours.students[2].sourced_id
    session.scalars(select(CalendarDay).where(CalendarDay.date == TODAY)).one().day_type = DayType.HOLIDAY
    session.flush()
    lines = (
        "studentSourcedId,date,session,code,minutesLate,reason",
        f"{one},{TODAY - timedelta(days=5)},DAY,absent_excused,,ill",
        f"{two},{TODAY - timedelta(days=3)},AM,late,12,",
        f"{two},{TODAY},AM,late,5,",
    )
    file = write_csv(tmp_path, "attendance.csv", *lines)
    counts = import_attendance(session, file, Known())
    # Two forms with students; five school days from the first row to the last, of which our form had yesterday's.
    assert counts.added == {"register": 9, "attendance_mark": 3}
    assert [str(note) for note in file.problems.warnings] == [
        f"attendance.csv, line 4, column date: {TODAY} has no register. The mark is kept, and counts in no rate.",
        f"attendance.csv: Marks of people where the file says present: 1, the first on {TODAY - timedelta(days=1)}. "
        "What a person recorded is kept.",
    ]
    assert session.scalars(select(AttendanceMark).where(AttendanceMark.register_id.is_(None))).one().minutes_late == 5
    again = import_attendance(session, write_csv(tmp_path, "attendance.csv", *lines), Known())
    assert again.differences == 0
    other = write_csv(tmp_path, "attendance.csv", lines[0], *lines[2:], lines[1].replace("ill", "dentist"))
    corrected = import_attendance(session, other, Known())
    assert corrected.changed == {"attendance_mark": 1}


def test_what_a_person_recorded_is_not_overwritten_by_a_file(
    session: Any, two_schools: TwoSchools, tmp_path: Path
) -> None:
    ours = two_schools.ours
    yesterday = TODAY - timedelta(days=1)
    file = write_csv(
        tmp_path,
        "attendance.csv",
        "studentSourcedId,date,session,code",
        f"{ours.student.sourced_id},{yesterday},DAY,present",
    )
    import_attendance(session, file, Known())
    mark = session.scalars(select(AttendanceMark).where(AttendanceMark.student_id == ours.student.id)).one()
    register = session.get(Register, mark.register_id)
    assert (mark.code_id, mark.source) == (ours.codes[AttendanceCategory.ABSENT_UNEXCUSED].id, Source.PERSON)
    assert (register.state, register.source) == (RegisterState.TAKEN, Source.PERSON)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("nobody,2026-03-02,DAY,late,,", "line 2, column studentSourcedId: There is no student 'nobody'."),
        ("{0},2026-03-32,DAY,late,,", "line 2, column date: '2026-03-32' is no day."),
        ("{0},2026-03-02,NIGHT,late,,", "line 2, column session: 'NIGHT' is not known here. Accepted: AM, PM, DAY."),
        ("{0},2026-03-02,DAY,gone,,", "line 2, column code: 'gone' is no code of the school."),
        ("{0},2026-03-02,DAY,late,soon,", "line 2, column minutesLate: 'soon' is no number of minutes."),
        ("{0},2026-03-02,DAY", "line 2: The row has 3 fields where the headers have 6."),
    ],
)
def test_a_wrong_row_of_attendance_refuses_the_file(
    session: Any, two_schools: TwoSchools, tmp_path: Path, line: str, said: str
) -> None:
    text = line.format(two_schools.ours.student.sourced_id)
    file = write_csv(tmp_path, "attendance.csv", "studentSourcedId,date,session,code,minutesLate,reason", text)
    before = session.scalar(select(func.count()).select_from(Register))
    with pytest.raises(ImportRefused) as refused:
        import_attendance(session, file, Known())
    assert said in str(refused.value)
    assert session.scalar(select(func.count()).select_from(Register)) == before


def test_a_reporter_of_another_school_is_kept_by_name(session: Any, two_schools: TwoSchools, tmp_path: Path) -> None:
    student = two_schools.ours.student.sourced_id
    header = "sourcedId,studentSourcedId,date,category,severity,description,reportedBySourcedId"
    lines = (header, f'D1,{student},2026-03-02,Fight,4,"In the yard, at noon",x9')
    known = Known(reporters={"x9": "Una Other"})
    file = write_csv(tmp_path, "behaviour.csv", *lines)
    assert import_behaviour(session, file, known).added == {"incident": 1}
    kept = session.scalars(select(Incident).where(Incident.sourced_id == "D1")).one()
    assert (kept.reported_by, kept.reported_by_name, kept.reported_by_sourced_id) == (None, "Una Other", "x9")
    assert import_behaviour(session, write_csv(tmp_path, "behaviour.csv", *lines), known).differences == 0


def test_a_calendar_is_brought_in_for_the_school_that_it_names(
    session: Any, two_schools: TwoSchools, tmp_path: Path
) -> None:
    two_schools.ours.school.sourced_id = "S1"
    session.flush()
    lines = ("schoolSourcedId,date,dayType", "S1,2030-03-04,instructional", "S2,2030-03-04,holiday")
    file = write_csv(tmp_path, "calendar.csv", *lines)
    assert import_calendar(session, file, Known(frozenset({"S2"}))).added == {"calendar_day": 1}
    with pytest.raises(ImportRefused, match="There is no school 'S2'"):
        import_calendar(session, write_csv(tmp_path, "calendar.csv", *lines), Known())
