"""The ways in which somebody may tamper with seals: each returns the days that a verification has to name."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from sqlalchemy import delete, select, update

from school_app.audit import seals
from school_app.audit.models import AuditSeal, SealRun
from school_app.audit.seal_texts import digest_of_seals, run_text, seal_text, text_hash
from school_app.audit.sources import Stretch, Tables
from tests.audit.tampering import DAYS, FIRST, Days, Log, day_of


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
