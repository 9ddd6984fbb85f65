"""The rows of attendance.csv, read and checked one by one; what they mean together is not asked here.

rosters.attendance uses it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import insert, select

from school_app.alerts.facts import AttendanceCategory
from school_app.attendance.models import AttendanceCode
from school_app.attendance.models import Session as Part
from school_app.rosters.csv_reader import Layout
from school_app.rosters.fields import Reader
from school_app.rosters.local import REASON, AnySession, File, Known, ids_of
from school_app.rosters.merge import Counts
from school_app.students.models import Student

ATTENDANCE = Layout(("studentSourcedId", "date", "session", "code"), ("minutesLate", "reason"))
MOST_MINUTES = 1440
CATEGORIES = {one.value: one for one in AttendanceCategory}


@dataclass(frozen=True, slots=True)
class Exceptional:
    """One row about a student of the school who was not simply present."""

    line: int
    student_id: int
    on: date
    part: Part
    code: str
    category: AttendanceCategory
    minutes: int | None
    reason: str | None


@dataclass(slots=True)
class Rows:
    """What a file says to one school: the exceptions of its own students, and the days of all other rows.

    Days have the first line that names them. Rows that say "present" are counted only, for a full export has millions.
    """

    own: list[Exceptional] = field(default_factory=list)
    present: dict[date, int] = field(default_factory=dict)
    others: dict[date, int] = field(default_factory=dict)
    present_rows: int = 0

    @property
    def are_about_school(self) -> bool:
        """Whether a row is about a student of the school."""
        return bool(self.own or self.present)

    def own_days(self) -> Iterator[tuple[int, date]]:
        """Lines and days of the school's own rows."""
        yield from ((one.line, one.on) for one in self.own)
        yield from ((line, on) for on, line in self.present.items())

    def days(self) -> Collection[date]:
        """Every day that the file names, of whichever school."""
        return {one.on for one in self.own} | self.present.keys() | self.others.keys()


def read_exceptions(session: AnySession, file: File, known: Known) -> Rows:
    """The rows of a file as the session's school has to see them; what is wrong with one is noted as an error."""
    rows = Rows()
    students = ids_of(session, Student)
    codes = {one.code: one.category for one in session.scalars(select(AttendanceCode))}
    with file.path.open("rb") as stream:
        for read in file.rows(stream, ATTENDANCE):
            on, student = read.day("date", needed=True), read.text("studentSourcedId", needed=True)
            if student in students:
                # Another school's rows may have codes of its own, so only the school's are read any further.
                _add(rows, _exceptional(read, file, students[student], on=on, codes=codes))
            elif student in known.elsewhere and on is not None:
                rows.others.setdefault(on, read.row.line)
            elif student and student not in known.elsewhere:
                message = f"There is no student {student!r}."
                file.wrong(read.row.line, "studentSourcedId", message, "Import the roster first.")
    if rows.present_rows:
        message = f"Rows that say present, from this one on: {rows.present_rows}."
        file.noted(min(rows.present.values()), "code", message, "Presence is no exception; they make no marks.")
    return rows


def _add(rows: Rows, row: Exceptional | None) -> None:
    if row is None:
        return
    if row.category is AttendanceCategory.PRESENT:
        rows.present.setdefault(row.on, row.line)
        rows.present_rows += 1
    else:
        rows.own.append(row)


def _exceptional(
    read: Reader, file: File, student_id: int, *, on: date | None, codes: Mapping[str, AttendanceCategory]
) -> Exceptional | None:
    part, code = read.choice("session", [one.value for one in Part]), read.text("code", needed=True, longest=40)
    reason, minutes = read.text("reason", longest=300), _minutes(read, file)
    category = codes.get(code) or CATEGORIES.get(code)
    if code and category is None:
        accepted = ", ".join(dict.fromkeys([*codes, *CATEGORIES]))
        file.wrong(read.row.line, "code", f"{code!r} is no code of the school.", f"Accepted: {accepted}.")
    if category is AttendanceCategory.PRESENT and minutes:
        message = f"{code!r} is presence, and yet the row names {minutes} minutes late."
        file.wrong(read.row.line, "minutesLate", message, "Write the code of lateness, or leave the minutes empty.")
    if on is None or not part or category is None:
        return None
    return Exceptional(
        read.row.line, student_id, on, Part(part), code=code, category=category, minutes=minutes, reason=reason or None
    )


def _minutes(read: Reader, file: File) -> int | None:
    text = read.text("minutesLate")
    if not text:
        return None
    if not (text.isdecimal() and len(text) < 6 and int(text) <= MOST_MINUTES):
        file.wrong(read.row.line, "minutesLate", f"{text!r} is no number of minutes.", "Write it as 12.")
        return None
    return int(text)


@dataclass(frozen=True, slots=True)
class Codes:
    """A school's codes: the id of each, and by id what it is called and counts as."""

    ids: Mapping[str, int]
    names: Mapping[int, str]
    categories: Mapping[int, AttendanceCategory]


def codes_for(session: AnySession, rows: Rows, counts: Counts) -> Codes:
    """The school's codes; those of a standard name that rows use and the school lacks are made."""
    stored = set(session.scalars(select(AttendanceCode.code)))
    fresh = [
        {
            "code": code,
            "name": code.replace("_", " ").capitalize(),
            "category": AttendanceCategory(code),
            "ordinal": len(stored) + n,
        }
        for n, code in enumerate(sorted({one.code for one in rows.own} - stored))
    ]
    if fresh:
        session.execute(insert(AttendanceCode), fresh, execution_options={"audit_reason": REASON})
        counts.note("added", "attendance_code", len(fresh))
    found = session.execute(select(AttendanceCode.id, AttendanceCode.code, AttendanceCode.category)).all()
    return Codes(
        {code: id_ for id_, code, _ in found},
        {id_: code for id_, code, _ in found},
        {id_: category for id_, _, category in found},
    )
