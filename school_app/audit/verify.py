"""Verification: every sealing run in its order, with its seals, their links, and the rows wherever they lie now.

`flask audit verify` drives it inside all_schools(). It writes nothing; its caller may end the transaction after each
step, so that no table is held for long.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session, aliased, scoped_session

from school_app.audit import traces
from school_app.audit.differences import AS_STORED, Difference, Kind, broken, compared, day_of, run_up_to, seals_of
from school_app.audit.models import AuditSeal, SealRun
from school_app.audit.seal_texts import NOTHING_BEFORE
from school_app.audit.seals import GRACE
from school_app.audit.sources import TABLES, Schools, Source, Stretch, Tables, together
from school_app.core import clock
from school_app.core.db import has_day
from school_app.core.words import counted

AnySession = Session | scoped_session[Any]
# Once a day has been over for so long, its rows have to be sealed.
SEALED_WITHIN = GRACE + timedelta(days=1)
# A machine's clock may be ahead of this one's by so much, and no more.
AHEAD_BY = timedelta(days=1)
# Unsealed rows older than what one night leaves may have had seals, so that nobody is told to seal them plainly.
A_NIGHT = timedelta(days=1)
# Rows without a day that are told of one run, or of what is not sealed yet.
MOST_NAMED = 20
# The first run begins above it, as no row that the product writes has an id up to it.
NO_ID = 0
NOT_SEALED_YET = "From here on rows are not sealed; “flask audit seal” seals them."
NOT_SEALED = (
    "From here on rows are not sealed. Where sealing has not run since then, “flask audit seal” seals them; where it "
    "has, seals were removed, and sealing would bless what was done: compare with a kept hash and a backup first."
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be verified: days (UTC) from and to, and schools, where None is the platform; all where none is said.

    `kept` is the hash of a seal or of a sealing run that somebody wrote down: it has to be one of those in the chain.
    """

    first: date | None = None
    last: date | None = None
    schools: Schools | None = None
    kept: str | None = None


EVERYTHING = Asked()


@dataclass(frozen=True, slots=True)
class Step:
    """One sealing run, verified: its first day, the seals and rows that were compared, and what differs."""

    day: date
    seals: int
    rows: int
    differences: list[Difference]


@dataclass(slots=True)
class _Chain:
    """Where the runs and each school's seals have come to.

    `kept` says whether the hash that was kept was met on the way, `of_job` the same of what the nightly job has left.
    """

    asked: Asked
    left: traces.Left | None
    kept: bool = False
    of_job: bool = False
    runs: int = 0
    up_to_id: int = NO_ID
    run_hash: str = NOTHING_BEFORE
    complete_before: date | None = None
    seals: dict[int | None, tuple[str, date]] = field(default_factory=dict)


def verify(session: AnySession, sources: Sequence[Source], asked: Asked = EVERYTHING) -> Iterator[Step]:
    """Verify run after run; the last step is about what no run holds: ends cut off, rows that should be sealed.

    The links are followed from the first seal to the last, whatever days are asked for.
    """
    chain = _Chain(asked, traces.left_by_a_job(session))
    while (run := _run_after(session, chain.up_to_id)) is not None:
        seals = seals_of(session, run.up_to_id)
        # From the end of the run before, whatever this one says, so that no row lies unseen between two runs.
        above_id = chain.up_to_id if chain.runs else None
        stretch = Stretch(above_id, run.up_to_id, asked.first, asked.last, asked.schools)
        differing, rows = _compared(sources, stretch, seals)
        wrong = [*broken(run, seals), *_links(chain, run, seals)]
        if any(one.within is not None for one in wrong):
            differing = [replace(one, within=run_up_to(run.up_to_id)) for one in differing]
        differences = [*wrong, *differing]
        # Asked for only where some were met: to look for them takes a tenth of the time that hashing does.
        if any(isinstance(one, Tables) and one.met_no_day for one in sources):
            differences += _without_day(session, stretch, day_of(run, seals))
        differences += _late(chain.complete_before, seals)
        _follow(chain, run, seals)
        compared_seals = sum(stretch.holds(one.school_id, one.day) for one in seals)
        yield Step(day_of(run, seals), compared_seals, rows, _of(asked, differences))
    ends = [*_outside(session), *_strays(session), *_gone(session, chain)]
    beyond = Stretch(chain.up_to_id if chain.runs else None, None, asked.first, asked.last, asked.schools)
    unsealed = [*_ends(session, chain), *_without_day(session, beyond, clock.now().date()), *_ahead(session, asked)]
    yield Step(clock.now().date(), 0, 0, [*_of(asked, ends), *unsealed])


def _run_after(session: AnySession, up_to_id: int) -> SealRun | None:
    statement = select(SealRun).where(SealRun.up_to_id > up_to_id).order_by(SealRun.up_to_id, SealRun.id).limit(1)
    return session.scalar(statement, execution_options=AS_STORED)


def _compared(sources: Sequence[Source], stretch: Stretch, seals: Sequence[AuditSeal]) -> tuple[list[Difference], int]:
    """What differs, and how many rows were found.

    Rows may travel from one source to the next while both are asked, so that what differs is looked at once more.
    """
    for _ in range(2):
        found = together(*(source.digests(stretch) for source in sources))
        if not (differences := list(compared(stretch, seals, found))):
            break
    return differences, sum(one.rows for one in found.values())


def _links(chain: _Chain, run: SealRun, seals: Sequence[AuditSeal]) -> Iterator[Difference]:
    """What of a run and its seals does not follow what came before."""
    if (run.above_id, run.previous) != (chain.up_to_id, chain.run_hash):
        sentence = (
            f"The sealing run up to row {run.up_to_id} does not follow the one before it, up to {chain.up_to_id}."
        )
        yield Difference(Kind.BROKEN, None, day_of(run, seals), sentence, run_up_to(run.up_to_id))
    before = dict(chain.seals)
    for seal in seals:
        last_hash, last_day = before.get(seal.school_id, (NOTHING_BEFORE, seal.day))
        before[seal.school_id] = (seal.hash, seal.day)
        if seal.previous != last_hash:
            sentence = f"The seal of {seal.day} follows another one than that of {last_day}."
            yield Difference(Kind.BROKEN, seal.school_id, min(seal.day, last_day), sentence)


def _late(complete_before: date | None, seals: Sequence[AuditSeal]) -> Iterator[Difference]:
    for seal in seals:
        if complete_before is not None and seal.day < complete_before:
            rows = counted(seal.rows, "row")
            sentence = f"{rows} written after the day had been sealed, from row {seal.first_id} on."
            yield Difference(Kind.LATE, seal.school_id, seal.day, sentence)


def _follow(chain: _Chain, run: SealRun, seals: Sequence[AuditSeal]) -> None:
    chain.runs += 1
    chain.up_to_id, chain.run_hash, chain.complete_before = run.up_to_id, run.hash, run.complete_before
    chain.kept = chain.kept or _is_kept(chain.asked, run, seals)
    chain.of_job = chain.of_job or (chain.left is not None and chain.left.hash == run.hash)
    for seal in seals:
        chain.seals[seal.school_id] = (seal.hash, seal.day)


def _is_kept(asked: Asked, run: SealRun, seals: Sequence[AuditSeal]) -> bool:
    """Whether the kept hash is that of a seal of the schools asked for, or, where none is named, of the run."""
    if asked.schools is None and run.hash == asked.kept:
        return True
    return any(one.hash == asked.kept and (asked.schools is None or one.school_id in asked.schools) for one in seals)


def _without_day(session: AnySession, stretch: Stretch, day: date) -> Iterator[Difference]:
    """Rows whose moment lies on no day of the calendar, so that no seal can hold them; a day stands for it."""
    found = Tables(session).without_day(stretch, MOST_NAMED + 1)
    for school_id in dict.fromkeys(school_id for school_id, _ in found):
        ids = [str(id_) for one, id_ in found[:MOST_NAMED] if one == school_id]
        more = " and more" if len(found) > MOST_NAMED else ""
        sentence = (
            f"{'Row' if len(ids) == 1 else 'Rows'} {', '.join(ids)}{more}: written with a date that is no day, and held"
            f" by no seal. {day} is the first day of the sealing run around it, or today; see docs/operations.md."
        )
        yield Difference(Kind.NO_DAY, school_id, day, sentence)


def _of(asked: Asked, differences: list[Difference]) -> list[Difference]:
    """The differences of the schools that are asked for; those of sealing runs concern all of them."""
    if asked.schools is None:
        return differences
    return [one for one in differences if one.school_id is None or one.school_id in asked.schools]


def _outside(session: AnySession) -> Iterator[Difference]:
    """Sealing runs that are not met from the first to the last: below every id, or beside another of the same end."""
    twin = aliased(SealRun)
    beside = exists().where(twin.up_to_id == SealRun.up_to_id, twin.id < SealRun.id)
    statement = select(SealRun).where(or_(SealRun.up_to_id <= NO_ID, beside)).order_by(SealRun.id)
    for run in session.scalars(statement, execution_options=AS_STORED).all():
        sentence = f"The sealing run of {run.sealed_at:%Y-%m-%d} up to row {run.up_to_id} lies outside the chain."
        yield Difference(Kind.BROKEN, None, day_of(run, ()), sentence, run_up_to(run.up_to_id))


def _strays(session: AnySession) -> list[Difference]:
    """Seals whose sealing run is not there, or lies outside the chain."""
    met = select(SealRun.up_to_id).where(SealRun.up_to_id > NO_ID)
    statement = select(AuditSeal).where(AuditSeal.up_to_id.not_in(met))
    found = session.scalars(statement.order_by(AuditSeal.day), execution_options=AS_STORED).all()
    return [one for seal in found for one in broken(None, [seal])]


def _gone(session: AnySession, chain: _Chain) -> Iterator[Difference]:
    """What says that there were seals or rows which are not there any more."""
    asked = chain.asked
    stretch = Stretch(None, None, asked.first, asked.last, asked.schools)
    yield from traces.unsealed_files(session, stretch)
    yield from traces.unsealed_without_days(session, chain.up_to_id, stretch)
    if chain.left is not None and not chain.of_job:
        yield chain.left.is_gone()
    if not chain.runs:
        yield from traces.emptied(session)


def _ends(session: AnySession, chain: _Chain) -> Iterator[Difference]:
    asked = chain.asked
    if asked.kept is not None and not chain.kept:
        days = [day for one, (_, day) in chain.seals.items() if asked.schools is None or one in asked.schools]
        whose = asked.schools[0] if asked.schools else None
        sentence = "No seal has the hash that was kept: the newest ones were cut off, or all were made anew."
        yield Difference(Kind.BROKEN, whose, max(days, default=clock.now().date()), sentence)
    # Of days that were complete, what comes now is late; of the days since then, it should have been sealed.
    edge, over = chain.complete_before, (clock.now() - SEALED_WITHIN).date()
    if edge is not None and (late := _first_above(session, chain, (None, edge))) is not None:
        yield Difference(Kind.LATE, *late, "Rows were written after the day had been sealed; the next run seals them.")
    if (unsealed := _first_above(session, chain, (edge, over))) is not None:
        yield Difference(Kind.UNSEALED, *unsealed, NOT_SEALED if unsealed[1] < over - A_NIGHT else NOT_SEALED_YET)


def _ahead(session: AnySession, asked: Asked) -> Iterator[Difference]:
    """Rows of days to come, sealed or not: the product writes none."""
    first = max(clock.now().date() + AHEAD_BY + timedelta(days=1), asked.first or date.min)
    found = Tables(session).counts(Stretch(None, None, first, asked.last, asked.schools))
    for (school_id, day), rows in sorted(found.items(), key=lambda one: (one[0][1], one[0][0] or 0)):
        sentence = f"{counted(rows, 'row')} of a day to come: a clock was wrong, or somebody has put them in by hand."
        yield Difference(Kind.AHEAD, school_id, day, sentence)


def _first_above(session: AnySession, chain: _Chain, days: tuple[date | None, date]) -> tuple[int | None, date] | None:
    """School and day of the first row above the last run, of the days from one and before another."""
    asked = chain.asked
    first = max([one for one in (days[0], asked.first) if one is not None], default=None)
    last = min([days[1] - timedelta(days=1), *([asked.last] if asked.last else [])])
    stretch = Stretch(chain.up_to_id, None, first, last, asked.schools)
    found = []
    for table in TABLES:
        columns = (table.c.id, table.c.school_id, table.c.created_at)
        statement = select(*columns).where(stretch.where(table), has_day(table.c.created_at))
        row = session.execute(statement.order_by(table.c.id).limit(1)).first()
        if row is not None:
            found.append((row.id, row.school_id, row.created_at.date()))
    if not found:
        return None
    _, school_id, day = min(found, key=lambda one: one[0])
    return school_id, day
