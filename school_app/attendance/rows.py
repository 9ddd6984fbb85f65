"""Where registers and marks lie: those of open school years in the live tables, those of closed ones in the archive.

Whatever reads them over days that may lie in a closed year reads through here, and so from both where it has to. What
writes them knows the live tables alone. docs/decisions/0041 says why there are two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, select, union_all
from sqlalchemy.orm import Session, scoped_session

from school_app.attendance.models import ArchivedMark, ArchivedRegister, AttendanceMark, Register
from school_app.core.lasting import lasting
from school_app.schools.context import present_school

AnySession = Session | scoped_session[Any]


@dataclass(frozen=True, slots=True)
class Tables:
    """A table of registers and the one of the marks in them; those of the archive have the same columns."""

    register: type[Register] | type[ArchivedRegister]
    mark: type[AttendanceMark] | type[ArchivedMark]

    def joined(self, first: Any, last: Any) -> ColumnElement[bool]:
        """The condition that joins a mark of some days to its register, which is of the same day."""
        here = self.register.id == self.mark.register_id
        if self is LIVE:
            return here
        # By its day a register is found in one partition, and by the span the server passes by others beforehand.
        return and_(here, self.register.date == self.mark.date, self.register.date.between(first, last))


LIVE = Tables(Register, AttendanceMark)
ARCHIVED = Tables(ArchivedRegister, ArchivedMark)
Chosen = Select[*tuple[Any, ...]]
Stored = Row[*tuple[Any, ...]]
Statement = Callable[[Tables], Chosen]


def is_closed(session: AnySession, first: date | None = None, last: date | None = None) -> bool:
    """Whether days from one to another (None: any) may lie in a closed school year, as the school was a minute ago.

    A year is not yet known to be closed everywhere for that minute: so long its rows stay where they are, and only
    after it does a run begin to move them.
    """
    school = present_school(session)
    if school.closed_from is None or school.closed_to is None:
        return False
    return (last is None or last >= school.closed_from) and (first is None or first <= school.closed_to)


def read_lasting(
    session: AnySession, *statements: Statement, first: date, last: date, beside: Any = None, **values: object
) -> Sequence[Stored]:
    """The rows of a statement over days from `first` to `last`, from wherever they lie; always one statement.

    It is a function of a module, and what it makes takes everything as parameters, `first` and `last` too. It names
    these days for each table that it reads, so that the server passes by other years' partitions. Rows that are moved
    meanwhile are read once, since one statement sees one moment. From more than one place they come in no order.

    Several statements have like columns and are read together, and with them one `beside` that reads neither table.
    """
    lasting_one = _lasting(statements, beside, is_closed(session, first, last))
    return session.execute(lasting_one, {"first": first, "last": last, **values}).all()


def read_lasting_by_id(session: AnySession, statement: Statement, ids: Iterable[int]) -> Sequence[Stored]:
    """As read_lasting(), for rows whose days are not known; the statement takes `ids`."""
    return session.execute(_lasting((statement,), None, is_closed(session)), {"ids": list(ids)}).all()


@cache
def _lasting(statements: tuple[Statement, ...], beside: Any, everywhere: bool) -> Any:
    parts: list[Any] = [part for one in statements for part in (_everywhere(one) if everywhere else [one(LIVE)])]
    if beside is not None:
        parts.append(beside)
    return lasting(_together(parts))


def _together(parts: list[Any]) -> Any:
    return parts[0] if len(parts) == 1 else union_all(*parts)


def _everywhere(statement: Statement) -> list[Any]:
    # SQLite takes no LIMIT in the parts of a union, but in what they select from.
    return [select(*statement(tables).subquery().c) for tables in (LIVE, ARCHIVED)]
