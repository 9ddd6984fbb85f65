"""The marks that a file of attendance states, beside those that stand: one for a student in each register.

rosters.attendance uses it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from datetime import date
from typing import Any

from sqlalchemy import insert, or_, select

from school_app.alerts.facts import AttendanceCategory
from school_app.attendance.models import AttendanceMark, Register, Source
from school_app.attendance.models import Session as Part
from school_app.attendance.queries import WEIGHT
from school_app.core import clock
from school_app.rosters.attendance_rows import Codes, Exceptional
from school_app.rosters.local import REASON, AnySession, File, in_batches
from school_app.rosters.merge import Counts
from school_app.rosters.registers import Registers, Standing
from school_app.rosters.span import Span

# A student, a day, and the session of the register of that day.
Seat = tuple[int, date, Part]
KEPT = "What a person recorded is kept."


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark as it is stored; `session` is the part of the day that it names itself."""

    id: int
    student_id: int
    date: date
    session: Part
    code_id: int
    minutes_late: int | None
    reason: str | None
    source: Source
    register_id: int | None


@dataclass(slots=True)
class Marks:
    """The marks of one file on their way in."""

    session: AnySession
    file: File
    registers: Registers
    codes: Codes
    counts: Counts
    fresh: list[dict[str, Any]] = field(default_factory=list)
    changes: dict[int, dict[str, Any]] = field(default_factory=dict)
    ended: list[int] = field(default_factory=list)
    unlisted: list[Mark] = field(default_factory=list)
    noted: set[tuple[int, str]] = field(default_factory=set)

    def bring_in(self, rows: Sequence[Exceptional], span: Span) -> None:
        """Make the marks of a span what the file says, but for what people recorded."""
        stated, stored = self._stated(rows), self._stored(span)
        for seat in dict.fromkeys((*stated, *stored)):
            self._decide(seat, stated.get(seat), stored.get(seat, []))
        if self.unlisted:
            first = min(one.date for one in self.unlisted)
            message = f"Marks of people where the file says present: {len(self.unlisted)}, the first on {first}."
            self.file.noted(None, None, message, KEPT)
        self._write()

    def _stated(self, rows: Sequence[Exceptional]) -> dict[Seat, Exceptional]:
        """The row that holds in each seat. A day's register has one place for a student, whatever parts rows name."""
        stated: dict[Seat, Exceptional] = {}
        for row in rows:
            sessions = self.registers.sessions_for(row.student_id, row.on)
            parts = sessions if Part.DAY in (row.part, *sessions) else (row.part,)
            for part in parts:
                seat = (row.student_id, row.on, part)
                stated[seat] = self._graver(stated[seat], row) if seat in stated else row
        return stated

    def _graver(self, one: Exceptional, other: Exceptional) -> Exceptional:
        """Of two rows for one seat the one that holds: a whole day's absence, then the graver, then the first."""
        first, second = sorted((one, other), key=_weight, reverse=True)
        message = f"The student has a mark for this session by line {first.line} ({first.code})."
        self._note(second.line, "session", message, "A whole day’s absence holds, else the graver row, else the first.")
        return first

    def _stored(self, span: Span) -> dict[Seat, list[Mark]]:
        """The marks of a span by the seat in which they stand; those in registers of classes are no business of it."""
        columns = [getattr(AttendanceMark, one.name) for one in fields(Mark)]
        statement = (
            select(*columns)
            .join(Register, Register.id == AttendanceMark.register_id, isouter=True)
            .where(
                AttendanceMark.date.between(span.first, span.last),
                or_(AttendanceMark.register_id.is_(None), Register.form_id.is_not(None)),
            )
            .order_by(AttendanceMark.id)
        )
        stored: dict[Seat, list[Mark]] = defaultdict(list)
        for row in self.session.execute(statement):
            mark = Mark(*row)
            stored[(mark.student_id, mark.date, self._part(mark))].append(mark)
        return stored

    def _part(self, mark: Mark) -> Part:
        standing = self._standing(mark)
        if standing is not None:
            return standing.slot[2]
        return Part.DAY if Part.DAY in self.registers.sessions_for(mark.student_id, mark.date) else mark.session

    def _standing(self, mark: Mark) -> Standing | None:
        return None if mark.register_id is None else self.registers.by_id.get(mark.register_id)

    def _decide(self, seat: Seat, row: Exceptional | None, marks: list[Mark]) -> None:
        register = self.registers.of(*seat)
        persons = [mark for mark in marks if self._is_persons(mark)]
        if not persons and (register is None or not register.is_persons):
            if row is None:
                self.ended += [mark.id for mark in marks]
            else:
                self._state(seat, row, marks, register=register)
        elif row is None:
            self.ended += [mark.id for mark in marks if mark not in persons]
            self.unlisted += [mark for mark in persons if self._is_exception(mark)]
            self.counts.note("unchanged", "attendance_mark", len(persons))
        else:
            self._compare(row, marks)
            self.counts.note("unchanged", "attendance_mark", len(marks))

    def _is_persons(self, mark: Mark) -> bool:
        """Whether a person made a mark, or let it stand in a register that they took."""
        standing = self._standing(mark)
        return mark.source is Source.PERSON or (standing is not None and standing.is_persons)

    def _is_exception(self, mark: Mark) -> bool:
        return self.codes.categories[mark.code_id] is not AttendanceCategory.PRESENT

    def _compare(self, row: Exceptional, marks: list[Mark]) -> None:
        """Note where a person stated something else than a row; a mark without a register was never seen by them."""
        found = [mark for mark in marks if mark.register_id is not None and self._is_exception(mark)]
        mark = max(found, key=lambda one: WEIGHT[self.codes.categories[one.code_id]], default=None)
        if mark is None or self._contradicts(row, mark):
            said = "present" if mark is None else self._words(mark)
            message = f"A person recorded {said}; the file says {_words(row.code, row.minutes, row.reason)}."
            self._note(row.line, "code", message, KEPT)

    def _contradicts(self, row: Exceptional, mark: Mark) -> bool:
        """Whether a row says something else than a mark; an empty field says nothing."""
        return (
            self.codes.names[mark.code_id] != row.code
            or row.minutes not in (None, mark.minutes_late)
            or row.reason not in (None, mark.reason)
        )

    def _words(self, mark: Mark) -> str:
        return _words(self.codes.names[mark.code_id], mark.minutes_late, mark.reason)

    def _state(self, seat: Seat, row: Exceptional, marks: list[Mark], *, register: Standing | None) -> None:
        if register is None:
            self._note(row.line, "date", f"{row.on} has no register.", "The mark is kept, and counts in no rate.")
        values = {
            "session": row.part if seat[2] is Part.DAY else seat[2],
            "register_id": None if register is None else register.id,
            "code_id": self.codes.ids[row.code],
            "minutes_late": row.minutes,
            "reason": row.reason,
        }
        if not marks:
            self.fresh.append({**values, "student_id": row.student_id, "date": row.on})
            return
        kept = next((mark for mark in marks if mark.session is values["session"]), marks[0])
        self.ended += [mark.id for mark in marks if mark is not kept]
        changed = {name: value for name, value in values.items() if getattr(kept, name) != value}
        if changed:
            self.changes[kept.id] = changed
        else:
            self.counts.note("unchanged", "attendance_mark")

    def _write(self) -> None:
        # What goes has to be gone before what takes its place under the same unique key comes.
        for mark in self._loaded(self.ended):
            self.session.delete(mark)
        self.session.flush()
        for mark in self._loaded(list(self.changes)):
            for name, value in self.changes[mark.id].items():
                setattr(mark, name, value)
        self.session.flush()
        same = {"source": Source.IMPORT, "recorded_at": clock.now()}
        for batch in in_batches(self.fresh):
            rows = [{**row, **same} for row in batch]
            self.session.execute(insert(AttendanceMark), rows, execution_options={"audit_reason": REASON})
        numbers = {"added": len(self.fresh), "changed": len(self.changes), "ended": len(self.ended)}
        for what, number in numbers.items():
            self.counts.note(what, "attendance_mark", number)

    def _loaded(self, ids: Sequence[int]) -> Iterator[AttendanceMark]:
        for batch in in_batches(ids):
            yield from self.session.scalars(select(AttendanceMark).where(AttendanceMark.id.in_(batch)))

    def _note(self, line: int, column: str, message: str, remedy: str) -> None:
        # A row for a whole day stands in two registers where mornings and afternoons have one each.
        if (line, message) not in self.noted:
            self.noted.add((line, message))
            self.file.noted(line, column, message, remedy)


def _weight(row: Exceptional) -> tuple[bool, int]:
    return row.part is Part.DAY and row.category.is_absent, WEIGHT[row.category]


def _words(code: str, minutes: int | None, reason: str | None) -> str:
    said = f"{code!r}"
    if minutes is not None:
        said += f", {minutes} minutes"
    return said + (f", “{reason}”" if reason else "")
