"""What the log itself says of rules, holds, and of what was cooled and destroyed, to judge a destruction by.

The tables of rules and holds can be changed past the product; the rows that told of each change are sealed. Destroying
and the verification of destroyed files ask here, inside all_schools().
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from operator import attrgetter, itemgetter
from typing import Any

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session, scoped_session

from school_app.audit.cold.models import ColdDay, ColdFile
from school_app.audit.cold.store import Store
from school_app.audit.events import Event
from school_app.audit.models import AuditSeal
from school_app.audit.retention.models import LegalHold, RetentionRule
from school_app.audit.retention.queries import period_of
from school_app.audit.retention.records import HOLD, RULE, Record, Sealings, in_files, in_tables
from school_app.audit.retention.rules import DEFAULTS, DataClass, Said, is_lawful, years_by
from school_app.audit.sources import Schools
from school_app.core import clock
from school_app.core.words import counted

AnySession = Session | scoped_session[Any]
# A record is written a moment after the time that the manifest keeps; a hold may be dated a moment before it could be
# written, while it waited for a removal.
ABOUT = timedelta(minutes=1)
SAYS_HOLD = (str(Event.ROW_ADDED), str(Event.HOLD_RESTATED))
OF_FILES = (str(Event.ROWS_COOLED), str(Event.ROWS_DESTROYED))
OF_DAY = ("day", "up_to_id", "rows", "first_id", "last_id", "digest")
OF_FILE = ("path", "rows", "digest", "sha256")


class Evidence:
    """The records that can be read now; `problems` says which files could not be."""

    def __init__(self, session: AnySession, place: Store) -> None:
        self._session = session
        self.problems: list[str] = []
        self.sealings = Sealings(session)
        self._own: dict[int, Record] = {}
        self._carried: dict[str, dict[int, Record]] = {}
        for found in (in_tables(session), in_files(session, place, self.problems)):
            self._add(found)
        self._count(self._own)

    def _count(self, records: Mapping[int, Record]) -> None:
        """Count these records, and no others."""
        self._records = dict(records)
        self._in_order = sorted(self._records.values(), key=attrgetter("at", "id"))
        self._of_path: dict[Any, list[Record]] = {}
        for one in self._in_order:
            if one.event in OF_FILES:
                self._of_path.setdefault(one.facts.get("path"), []).append(one)
        self.said = self._what_is_said()

    def _add(self, records: Iterable[Record]) -> None:
        for one in records:
            if one.of_file is None:
                self._own[one.id] = one
            else:
                self._carried.setdefault(one.of_file, {})[one.row_id] = one

    def look_again(self) -> None:
        """Read what was written to the database since."""
        self._add(in_tables(self._session))
        self._count({**self._records, **self._own})

    def forget_carried(self) -> None:
        """Count nothing that was carried over, until it is accepted anew."""
        self._count(self._own)

    def _known_at(self, one: Record) -> datetime:
        return self.sealings.known_at(one.id, one.at)

    def carried_from(self, listed: ColdFile) -> dict[str, Record]:
        """What was carried over from a file before it was destroyed; it counts for nothing until accept()."""
        before = listed.destroyed_at
        return {
            one.told: one
            for one in self._carried.get(listed.path, {}).values()
            if one.school_id == listed.school_id
            and listed.first_id <= (one.of_row or 0) <= listed.last_id
            and one.at <= listed.last_at
            and (before is None or self.sealings.known_at(one.row_id, one.row_at) <= before)
        }

    def accept(self, listed: ColdFile) -> None:
        """Count what was carried over from a file, which was destroyed lawfully."""
        carried = {one.id: one for one in self.carried_from(listed).values()}
        if carried.keys() - self._records.keys():
            self._count({**carried, **self._records})

    def years(self, data_class: DataClass, school_id: int | None, at: datetime) -> int:
        """How many years a class of data was kept at a moment, by what the log says of its rules."""
        said = self.said

        def of_platform(moment: datetime) -> int:
            preset = DEFAULTS[data_class].years
            return years_by(said.get((None, data_class), ()), moment, lambda _: preset, is_least=False)

        if school_id is None:
            return of_platform(at)
        return years_by(said.get((school_id, data_class), ()), at, of_platform, is_least=True)

    def _what_is_said(self) -> dict[tuple[int | None, DataClass], list[Said]]:
        """What was said of every rule, in the order in which it is known."""
        rules = sorted(((self._known_at(one), one.id, one) for one in self._about(RULE)), key=itemgetter(0, 1))
        # A rule is of one class for ever: a row that calls it another later changes nothing of what was said.
        classes: dict[int | None, Any] = {}
        for *_, one in rules:
            if one.facts.get("data_class") in set(DataClass):
                classes.setdefault(one.entity_id, one.facts["data_class"])
        for rule_id, data_class in self._session.execute(select(RetentionRule.id, RetentionRule.data_class)):
            classes.setdefault(rule_id, data_class)
        found: dict[tuple[int | None, DataClass], list[Said]] = {}
        for known_at, _, one in rules:
            years = one.facts.get("years")
            if one.entity_id in classes and is_lawful(years):
                of = (one.school_id, DataClass(classes[one.entity_id]))
                found.setdefault(of, []).append(Said(known_at, int(str(years))))
        return found

    def said_last(self, data_class: DataClass, school_id: int | None) -> date | None:
        """The day on which the log was last told how long a class of data is kept; None where it never was."""
        said = [one for whose in (school_id, None) for one in self.said.get((whose, data_class), ())[-1:]]
        return max((one.at.date() for one in said), default=None)

    def set_on(self, hold_id: int) -> date:
        """The day on which a hold was set that the log knows of, by the first record that says so."""
        records = (one for one in self._about(HOLD) if one.entity_id == hold_id and one.event in SAYS_HOLD)
        return min(self._known_at(one).date() for one in records)

    def _about(self, thing: str) -> Iterator[Record]:
        return (one for one in self._in_order if one.entity_type == thing)

    def holds(self, school_id: int | None, at: datetime) -> set[int]:
        """The holds on a whole school that stood at a moment, by what the log says of them."""
        return {hold_id for hold_id, student_id in self.standing(school_id, at).items() if student_id is None}

    def standing(self, school_id: int | None, at: datetime) -> dict[int, int | None]:
        """The holds of a school that stood at a moment, each with its student, by what the log says of them.

        One that any row calls one on the whole school is that.
        """
        said, on_school, released = dict[int, int | None](), set[int](), set[int]()
        for one in self._about(HOLD):
            if one.school_id != school_id or one.entity_id is None:
                continue
            known, student_id = self._known_at(one), one.facts.get("student_id")
            if one.event in SAYS_HOLD:
                if known < at - ABOUT:
                    said[one.entity_id] = student_id
                    if student_id is None:
                        on_school.add(one.entity_id)
            elif one.facts.get("released_at") is not None and known <= at:
                released.add(one.entity_id)
        # One that was released never stands again, whatever was stated while somebody released it.
        standing = said.keys() - released
        return {hold_id: None if hold_id in on_school else said[hold_id] for hold_id in standing}

    def schools_with_holds(self) -> set[int | None]:
        """The schools on which a hold was ever set, by what the log says."""
        return {one.school_id for one in self._about(HOLD)}

    def cooled(self, listed: ColdFile) -> Record | None:
        """The record that a file was taken to cold storage."""
        before = listed.destroyed_at
        return self._of(listed, Event.ROWS_COOLED, OF_FILE, lambda one: before is None or self._known_at(one) <= before)

    def other_cooling(self, listed: ColdFile) -> Record | None:
        """A record that a file of this path was taken to cold storage, which is not the file that is listed."""
        for one in self._of_path.get(listed.path, ()):
            same = one.school_id == listed.school_id and _says(one, listed, OF_FILE)
            if one.event == Event.ROWS_COOLED and not same:
                return one
        return None

    def destroyed(self, listed: ColdFile, at: datetime) -> Record | None:
        """The record that it was destroyed about a moment."""

        # A record that is dated back, to before a hold or a longer time, counts from its sealing.
        def fits(one: Record) -> bool:
            return abs(self._known_at(one) - at) <= ABOUT

        return self._of(listed, Event.ROWS_DESTROYED, (*OF_FILE, "year"), fits)

    def _of(
        self, listed: ColdFile, event: Event, facts: Sequence[str], fits: Callable[[Record], bool]
    ) -> Record | None:
        for one in self._of_path.get(listed.path, ()):
            same = one.event == event and one.school_id == listed.school_id and fits(one)
            if same and _says(one, listed, facts):
                return one
        return None


def _says(record: Record, listed: ColdFile, facts: Sequence[str]) -> bool:
    """Whether a record says what was listed of a file."""
    return all(record.facts.get(name) == getattr(listed, name) for name in facts)


def disagreement(session: AnySession, evidence: Evidence, data_class: DataClass, school_id: int | None) -> str | None:
    """How the table of retention is not what the log says of its rules now; None where it is."""
    now = clock.now()
    years, by_log = period_of(session, data_class, school_id).years, evidence.years(data_class, school_id, now)
    if years == by_log:
        return None
    whose = "the platform" if school_id is None else f"school {school_id}"
    day = evidence.said_last(data_class, school_id)
    said = "" if day is None else f", last said on {day}"
    return (
        f"The table of retention keeps {data_class} of {whose} for {counted(years, 'year')}, and by the history of its"
        f" rules it is {by_log}{said}: it was changed past the product. Set {counted(by_log, 'year')} by flask"
        " retention set."
    )


def ended_past(session: AnySession, evidence: Evidence, school_id: int | None) -> str | None:
    """Which hold stands by its history and not by its table, or on another student; None where there is none.

    It speaks for the whole school, as which files name a student is not asked here.
    """
    statement = select(LegalHold.id, LegalHold.student_id).where(
        LegalHold.school_id == school_id, LegalHold.released_at.is_(None)
    )
    in_table = {(hold_id, student_id) for hold_id, student_id in session.execute(statement)}
    left = evidence.standing(school_id, clock.now()).items() - in_table
    if not left:
        return None
    hold_id, student_id = min(left, key=itemgetter(0))
    since = evidence.set_on(hold_id)
    whom = "" if student_id is None else f", on student {student_id},"
    return (
        f"Hold {hold_id} on school {school_id}{whom} stands by its history since {since}, and not in its table: it was"
        " changed past the product. Put its row back there, not released; flask retention release ends it on record."
    )


def disagreements(session: AnySession, evidence: Evidence, schools: Schools | None) -> list[str]:
    """Every rule and hold of the tables, or of the log, that is not the same in both now, of some schools or of all."""
    there = {(one.school_id, one.data_class) for one in session.scalars(select(RetentionRule))} | evidence.said.keys()
    asked = [one for one in there if schools is None or one[0] in schools]
    found = [disagreement(session, evidence, kind, whose) for whose, kind in sorted(asked, key=str)]
    held = [one for one in evidence.schools_with_holds() if schools is None or one in schools]
    found += [ended_past(session, evidence, school_id) for school_id in sorted(held, key=str)]
    return [one for one in found if one is not None]


def days_differ(session: AnySession, listed: ColdFile) -> str | None:
    """What does not fit among a file, the days that were listed of it, and their seals; None where all does."""
    within = ColdDay.file_id == listed.id
    rows, first_id, last_id, first, last, days = session.execute(
        select(
            func.sum(ColdDay.rows),
            func.min(ColdDay.first_id),
            func.max(ColdDay.last_id),
            func.min(ColdDay.day),
            func.max(ColdDay.day),
            func.count(),
        ).where(within)
    ).one()
    moments = (listed.first_at.date(), listed.last_at.date())
    if (rows, first_id, last_id, first, last) != (listed.rows, listed.first_id, listed.last_id, *moments):
        return "what it held is not what was listed"
    if not listed.begins <= first <= last < listed.ends:
        return "its days are of another year"
    whose = ColdDay.school_id.is_not_distinct_from(AuditSeal.school_id)
    same = and_(whose, *(getattr(ColdDay, name) == getattr(AuditSeal, name) for name in OF_DAY))
    sealed = select(func.count()).select_from(ColdDay).join(AuditSeal, onclause=same)
    mine = ColdDay.school_id.is_not_distinct_from(listed.school_id)
    return None if session.scalar(sealed.where(within, mine)) == days else "its days are not as they were sealed"
