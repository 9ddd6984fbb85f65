"""A sealed log made from a seed, and the ways in which somebody may tamper with it.

tests.audit.test_tampering uses it: each way returns the days that a verification has to name.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast

from sqlalchemy import Table, Text, delete, func, insert, select, type_coerce, update

from school_app.audit import seals
from school_app.audit.digests import COLUMNS, LEAF
from school_app.audit.models import ArchivedAuditRow, AuditRow, AuditSeal, SealRun
from school_app.audit.seal_texts import digest_of_seals, run_text, seal_text, text_hash
from school_app.audit.sources import Stretch, Tables

HOT, ARCHIVE = cast(Table, AuditRow.__table__), cast(Table, ArchivedAuditRow.__table__)
FIRST = date(2025, 2, 27)
DAYS = 5
SCHOOLS = (None, 71, 72, 73)
NAMES = ("Ängström", "O’Neill 🙂", "tab\there", "back\\slash", "Ann  Lee", "İnci Çelik", "1:x", "-")
Row = dict[str, Any]
Days = set[date]


@dataclass
class Log:
    """A sealed log: its rows as they were written, and the hash of the last sealing run, as somebody has kept it."""

    session: Any
    random: random.Random
    rows: list[Row]
    kept: str

    def one(self, **having: Any) -> Row:
        """Any row, or any that has some values."""
        return self.random.choice([row for row in self.rows if having.items() <= row.items()])

    def two(self) -> tuple[Row, Row]:
        """Any two rows."""
        first, second = self.random.sample(self.rows, 2)
        return first, second

    def set(self, row: Row, **values: Any) -> None:
        """Change a row where it lies."""
        for table in (HOT, ARCHIVE):
            self.session.execute(update(table).where(table.c.id == row["id"]).values(values))

    def remove(self, *rows: Row) -> None:
        """Remove rows where they lie."""
        for table in (HOT, ARCHIVE):
            self.session.execute(delete(table).where(table.c.id.in_([row["id"] for row in rows])))

    def free_id(self) -> int:
        """An id among the sealed ones that no row has."""
        taken = {row["id"] for row in self.rows}
        return self.random.choice([one for one in range(min(taken), max(taken)) if one not in taken])

    def seal(self) -> AuditSeal:
        """Any seal."""
        return self.random.choice(self.session.scalars(select(AuditSeal).order_by(AuditSeal.id)).all())

    def seal_of(self, row: Row) -> AuditSeal:
        """The seal that holds a row."""
        holds = (AuditSeal.above_id < row["id"], AuditSeal.up_to_id >= row["id"], AuditSeal.day == day_of(row))
        school = AuditSeal.school_id.is_not_distinct_from(row["school_id"])
        return self.session.scalars(select(AuditSeal).where(school, *holds)).one()  # type: ignore[no-any-return]


def day_of(row: Row) -> date:
    """The day under which a row is sealed."""
    return cast(datetime, row["created_at"]).date()


def sealed_log(session: Any, seed: int) -> Log:
    """A log of some schools and days, sealed night by night or all at once, partly archived."""
    chosen = random.Random(seed)
    rows = _rows(chosen)
    session.execute(delete(HOT))
    nightly = chosen.random() < 0.7
    for back in range(DAYS):
        of_day = [row for row in rows if day_of(row) == FIRST + timedelta(back)]
        if of_day:
            session.execute(insert(HOT), of_day)
        if nightly:
            list(seals.seal(session, FIRST + timedelta(back + 1)))
    list(seals.seal(session, FIRST + timedelta(DAYS)))
    archived = chosen.choice((0, chosen.randrange(len(rows)), len(rows) - 1))
    _archive(session, rows[:archived])
    kept = session.scalars(select(SealRun.hash).order_by(SealRun.up_to_id.desc())).first()
    return Log(session, chosen, rows, kept)


def _rows(chosen: random.Random) -> list[Row]:
    id_, rows = LEAF * 70 - chosen.randrange(40), []
    for back in range(DAYS):
        day = FIRST + timedelta(back)
        for number in range(chosen.randrange(4, 12)):
            id_ += chosen.choice((1, 1, 2)) if rows[1:] else 2
            rows.append(_row(chosen, id_, datetime(day.year, day.month, day.day, 5 + number, tzinfo=UTC)))
    return rows


def _row(chosen: random.Random, id_: int, moment: datetime) -> Row:
    return {
        "id": id_,
        "created_at": moment + timedelta(microseconds=chosen.randrange(10**6)),
        "school_id": chosen.choice(SCHOOLS),
        "actor_id": chosen.choice((None, 5, 6)),
        "actor_name": chosen.choice(NAMES),
        "event": chosen.choice(("row.changed", "note.read")),
        "entity_type": chosen.choice((None, "student")),
        "entity_id": chosen.choice((None, 3, 4)),
        "student_id": chosen.choice((None, 8, 9)),
        "changes": chosen.choice((None, {"family_name": [chosen.choice(NAMES), "Ä"], "n": [1, 2.5]})),
        "reason": chosen.choice((None, "", "late bus", chosen.choice(NAMES))),
        "ip": chosen.choice((None, "10.0.0.7")),
        "request_id": f"request-{id_}",
        "job_id": chosen.choice((None, "12")),
    }


def _archive(session: Any, rows: list[Row]) -> None:
    ids = [row["id"] for row in rows]
    if ids:
        columns = [HOT.c[name] for name in COLUMNS]
        session.execute(insert(ARCHIVE).from_select(COLUMNS, select(*columns).where(HOT.c.id.in_(ids))))
        session.execute(delete(HOT).where(HOT.c.id.in_(ids)))


# Rows


def another(log: Log, row: Row, name: str) -> Any:
    """Another value for a column."""
    value = row[name]
    if name == "created_at":
        return value + timedelta(microseconds=1 if value.microsecond < 999_999 else -1)
    if name == "changes":
        return {"family_name": [None, "x"]} if value is None else log.random.choice((None, {**value, "n": [1, 3]}))
    if name in ("actor_id", "entity_id", "student_id", "school_id"):
        return log.random.choice([one for one in (None, 71, 3, 99) if one != value])
    if value is None:
        return log.random.choice(("", "x"))
    unset = [] if name in ("actor_name", "event") else [None]
    return log.random.choice([f"{value}x", *unset, value[:-1] if value else "y"])


def change_any_column(log: Log) -> Days:
    row, name = log.one(), log.random.choice([one for one in COLUMNS if one != "id"])
    log.set(row, **{name: another(log, row, name)})
    return {day_of(row)}


def change_the_id(log: Log) -> Days:
    row = log.one()
    log.set(row, id=log.free_id())
    return {day_of(row)}


def change_what_a_collation_passes_over(log: Log) -> Days:
    row = log.one()
    name = row["actor_name"]
    told = [f"{name} ", f" {name}", name.upper(), name.lower(), name.replace("Ä", "A"), name.replace("Ç", "C")]
    log.set(row, actor_name=log.random.choice([one for one in told if one != name]))
    return {day_of(row)}


def change_how_json_is_written(log: Log) -> Days:
    row = log.random.choice([one for one in log.rows if one["changes"] is not None])
    stored = json.dumps(row["changes"], ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    told = [f"{stored} ", stored.replace(":", ": "), stored.replace(",", ", "), json.dumps(row["changes"], indent=1)]
    log.set(row, changes=type_coerce(log.random.choice(told), Text))
    return {day_of(row)}


def remove_one(log: Log) -> Days:
    row = log.one()
    log.remove(row)
    return {day_of(row)}


def remove_a_day(log: Log) -> Days:
    day = day_of(log.one())
    log.remove(*(row for row in log.rows if day_of(row) == day))
    return {day}


def cut_the_tail_of_rows(log: Log) -> Days:
    gone = log.rows[-log.random.randrange(1, len(log.rows)) :]
    log.remove(*gone)
    return {day_of(row) for row in gone}


def insert_one(log: Log) -> Days:
    row = {**log.one(), "id": log.free_id(), "request_id": "forged"}
    row["created_at"] += timedelta(days=log.random.choice((0, 0, 1, -1, -30)))
    row["school_id"] = log.random.choice((*SCHOOLS, 99))
    log.session.execute(insert(log.random.choice((HOT, ARCHIVE))), [row])
    return {day_of(row)}


def insert_below_every_id(log: Log) -> Days:
    row = {**log.one(), "id": log.random.choice((-5, 1, 7)), "request_id": "forged"}
    log.session.execute(insert(HOT), [row])
    return {day_of(row)}


def insert_a_copy(log: Log) -> Days:
    row = log.one()
    for table, other in ((HOT, ARCHIVE), (ARCHIVE, HOT)):
        if log.session.scalar(select(func.count()).select_from(table).where(table.c.id == row["id"])):
            log.session.execute(insert(other), [row])
            break
    return {day_of(row)}


def swap_contents(log: Log) -> Days:
    one, other = log.two()
    log.set(one, **{name: other[name] for name in COLUMNS if name != "id"})
    log.set(other, **{name: one[name] for name in COLUMNS if name != "id"})
    return {day_of(one), day_of(other)}


def swap_ids(log: Log) -> Days:
    one, other = log.two()
    log.set(one, id=-1)
    log.set(other, id=one["id"])
    log.set({"id": -1}, id=other["id"])
    return {day_of(one), day_of(other)}


def swap_one_column(log: Log) -> Days:
    one, other = log.two()
    log.set(one, request_id=other["request_id"])
    log.set(other, request_id=one["request_id"])
    return {day_of(one), day_of(other)}


def move_to_another_day(log: Log) -> Days:
    row = log.one()
    moment = row["created_at"] + timedelta(days=log.random.choice((-400, -1, 1, 30)))
    log.set(row, created_at=moment)
    return {day_of(row), moment.date()}


def move_to_another_school(log: Log) -> Days:
    row = log.one()
    log.set(row, school_id=log.random.choice([one for one in (*SCHOOLS, 99) if one != row["school_id"]]))
    return {day_of(row)}


# Seals


def edit_a_seal(log: Log) -> Days:
    seal = log.seal()
    name = log.random.choice([one for one in AuditSeal.__table__.c.keys() if one != "id"])  # noqa: SIM118
    log.session.execute(update(AuditSeal).where(AuditSeal.id == seal.id).values({name: _edited(seal, name)}))
    return {seal.day}


def _edited(link: AuditSeal | SealRun, name: str) -> Any:
    value = getattr(link, name)
    if isinstance(value, date):
        return value + timedelta(days=60)
    if isinstance(value, str):
        return ("0" if value[0] != "0" else "1") + value[1:]
    return 99 if value is None or name == "school_id" else value + 1


def _forge(log: Log) -> AuditSeal:
    row = log.one()
    log.set(row, request_id="forged")
    seal = log.seal_of(row)
    found = Tables(log.session).digests(Stretch(seal.above_id, seal.up_to_id))
    seal.digest = found[(seal.school_id, seal.day)].sha256
    seal.hash = text_hash(seal_text(seal))
    log.session.flush()
    return seal


def _is_followed(log: Log, seal: AuditSeal) -> bool:
    own = log.session.scalars(select(AuditSeal).where(AuditSeal.school_id.is_not_distinct_from(seal.school_id))).all()
    return max(own, key=lambda one: (one.up_to_id, one.day)) is not seal


def edit_a_row_and_its_seal(log: Log) -> Days:
    """As one who can compute: the seal fits its row again, and its own hash. Its run tells, if no seal follows it."""
    forged = _forge(log)
    days = log.session.scalars(select(AuditSeal.day).where(AuditSeal.up_to_id == forged.up_to_id))
    return {forged.day if _is_followed(log, forged) else min(days)}


def edit_a_row_its_seal_and_its_run(log: Log) -> Days:
    """As one who has read the code: only what follows tells, or a hash that was kept, which names no day."""
    forged = _forge(log)
    for run in log.session.scalars(select(SealRun)):
        run.digest = digest_of_seals(log.session.scalars(select(AuditSeal).where(AuditSeal.up_to_id == run.up_to_id)))
        run.hash = text_hash(run_text(run))
    log.session.flush()
    return {forged.day} if _is_followed(log, forged) else set()


def seal_anew(log: Log) -> Days:
    """As one who does all of it again after a change; the seal that was kept is gone."""
    row = log.one()
    log.set(row, request_id="forged")
    log.session.execute(delete(AuditSeal))
    log.session.execute(delete(SealRun))
    list(seals.seal(log.session, FIRST + timedelta(DAYS)))
    return set()


def remove_a_seal(log: Log) -> Days:
    seal = log.seal()
    log.session.execute(delete(AuditSeal).where(AuditSeal.id == seal.id))
    return {seal.day}


def remove_a_seal_and_its_rows(log: Log) -> Days:
    seal = log.seal_of(log.one())
    same = (seal.school_id, seal.day)
    log.remove(*(row for row in log.rows if (row["school_id"], day_of(row)) == same))
    log.session.execute(delete(AuditSeal).where(AuditSeal.id == seal.id))
    return set()


def cut_the_tail_of_seals(log: Log) -> Days:
    """The last seals of one school, and their rows."""
    school = AuditSeal.school_id.is_not_distinct_from(log.seal().school_id)
    own = log.session.scalars(select(AuditSeal).where(school).order_by(AuditSeal.up_to_id, AuditSeal.day)).all()
    gone = {(one.school_id, one.day): one.id for one in own[-log.random.randrange(1, len(own) + 1) :]}
    log.remove(*(row for row in log.rows if (row["school_id"], day_of(row)) in gone))
    log.session.execute(delete(AuditSeal).where(AuditSeal.id.in_(gone.values())))
    return set()


def cut_the_tail_of_everything(log: Log) -> Days:
    """The last runs with their seals and rows: nothing is left that could tell, but for what was kept."""
    runs = log.session.scalars(select(SealRun).order_by(SealRun.up_to_id)).all()
    above = log.random.choice(runs).above_id
    log.remove(*(row for row in log.rows if row["id"] > above))
    log.session.execute(delete(AuditSeal).where(AuditSeal.up_to_id > above))
    log.session.execute(delete(SealRun).where(SealRun.up_to_id > above))
    return set()


def cut_the_tail_of_rows_and_runs(log: Log) -> Days:
    """The last runs with their rows; the seals stay."""
    runs = log.session.scalars(select(SealRun).order_by(SealRun.up_to_id)).all()
    above = log.random.choice(runs).above_id
    log.remove(*(row for row in log.rows if row["id"] > above))
    log.session.execute(delete(SealRun).where(SealRun.up_to_id > above))
    return {day_of(row) for row in log.rows if row["id"] > above}


def unseal_the_tail(log: Log) -> Days:
    """The last runs with their seals; the rows stay, and the first of them is named."""
    runs = log.session.scalars(select(SealRun).order_by(SealRun.up_to_id)).all()
    above = log.random.choice(runs).above_id
    log.session.execute(delete(AuditSeal).where(AuditSeal.up_to_id > above))
    log.session.execute(delete(SealRun).where(SealRun.up_to_id > above))
    return {min(day_of(row) for row in log.rows if row["id"] > above)}


def edit_a_run(log: Log) -> Days:
    run = log.random.choice(log.session.scalars(select(SealRun).order_by(SealRun.id)).all())
    name = log.random.choice([one for one in SealRun.__table__.c.keys() if one != "id"])  # noqa: SIM118
    log.session.execute(update(SealRun).where(SealRun.id == run.id).values({name: _edited(run, name)}))
    return set()


def remove_a_run(log: Log) -> Days:
    run = log.random.choice(log.session.scalars(select(SealRun).order_by(SealRun.id)).all())
    log.session.execute(delete(SealRun).where(SealRun.id == run.id))
    return set(log.session.scalars(select(AuditSeal.day).where(AuditSeal.up_to_id == run.up_to_id)))


WAYS: tuple[Callable[[Log], Days], ...] = (
    change_any_column,
    change_the_id,
    change_what_a_collation_passes_over,
    change_how_json_is_written,
    remove_one,
    remove_a_day,
    cut_the_tail_of_rows,
    insert_one,
    insert_below_every_id,
    insert_a_copy,
    swap_contents,
    swap_ids,
    swap_one_column,
    move_to_another_day,
    move_to_another_school,
    edit_a_seal,
    edit_a_row_and_its_seal,
    edit_a_row_its_seal_and_its_run,
    seal_anew,
    remove_a_seal,
    remove_a_seal_and_its_rows,
    cut_the_tail_of_seals,
    cut_the_tail_of_everything,
    cut_the_tail_of_rows_and_runs,
    unseal_the_tail,
    edit_a_run,
    remove_a_run,
)
