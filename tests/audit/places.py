"""An audit log in a database of its own, where runs commit and change partitions, and what must hold of it.

conftest.py makes it; what is here looks at it past the app.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Flask
from sqlalchemy import Table, delete, insert, select, text, update

from school_app.archiving.at_work import step_through
from school_app.archiving.lease import LEASE
from school_app.archiving.models import ArchiveLease
from school_app.audit import seals
from school_app.audit.archive import Limits, Run
from school_app.audit.batches import ARCHIVE, HOT, STAGED
from school_app.audit.cold.models import ColdDay, ColdFile
from school_app.audit.digests import COLUMNS, row_hash
from school_app.audit.models import ArchiveRun, AuditSeal, SealRun
from school_app.config import Settings
from school_app.core.db import unhurried_session
from school_app.core.db.engines import unhurried_engine
from school_app.core.tenancy import all_schools
from tests.databases import app_of_its_own

TABLES: tuple[Table, ...] = (HOT, STAGED, ARCHIVE)
NOW = datetime.now(UTC)
# A year of which every row is past its hot days, whenever the test is run.
YEAR = NOW.year - 2
SMALL = Limits(batch=4, exchange_from=1)
Key = tuple[int, datetime]
# So long may a writer wait for a lock; the server counts it, so that a slow machine is not taken for a lock.
LONGEST_WAIT_SECONDS = 5


@dataclass(frozen=True)
class Place:
    """The log, and who looks at it: `engine` is nobody's but the test's."""

    app: Flask
    engine: Any

    @contextmanager
    def session(self) -> Iterator[Any]:
        """A session as the job has it."""
        with self.app.app_context(), unhurried_session(self.app.config["FORMROOM"]) as session, all_schools(session):
            yield session

    def run(self, limits: Limits = SMALL, *, by: str = "a test", cutoff: datetime | None = None) -> Run:
        """A whole run, as the job does it."""
        with self.session() as session:
            run = Run(session, limits, by, cutoff=cutoff)
            step_through(session, run)
            return run

    def seal(self) -> None:
        """Seal all days that are over."""
        with self.session() as session:
            for _ in seals.seal(session, until=(NOW + timedelta(days=1)).date()):
                session.commit()

    @contextmanager
    def writer(self, isolation: str = "REPEATABLE READ") -> Iterator[Any]:
        """Somebody's connection who writes; the server refuses a statement that waits too long for a lock."""
        with self.engine.execution_options(isolation_level=isolation).connect() as connection:
            connection.execute(
                text(
                    f"SET SESSION lock_wait_timeout = {LONGEST_WAIT_SECONDS}, "
                    f"innodb_lock_wait_timeout = {LONGEST_WAIT_SECONDS}"
                )
            )
            connection.commit()
            yield connection

    def write(self, *moments: datetime, table: Table = HOT, **values: Any) -> None:
        """Rows of some moments, each told from every other."""
        with self.engine.begin() as connection:
            for moment in moments:
                row = {"created_at": moment, "actor_name": "Ängström 🙂", "event": "x.happened", "school_id": 1}
                connection.execute(insert(table).values({**row, "reason": f"{moment.isoformat()} \\ \t'", **values}))

    def rows(self, *tables: Table) -> dict[Key, str]:
        """The hash of every row that lies in some tables, by its key; a row that lies twice fails the test."""
        found: dict[Key, str] = {}
        with self.engine.connect() as connection:
            for table in tables or TABLES:
                names = ", ".join(COLUMNS)
                for row in connection.execute(text(f"SELECT {names} FROM {table.name}")):
                    values = dict(zip(COLUMNS, row, strict=True))
                    key = (values["id"], values["created_at"].replace(tzinfo=UTC))
                    assert key not in found, f"row {key} lies twice"
                    found[key] = row_hash(values)
        assert len({row_id for row_id, _ in found}) == len(found), "an id was given twice"
        return found

    def version(self) -> str:
        """What the server says that it is."""
        with self.engine.connect() as connection:
            return str(connection.scalar(text("SELECT VERSION()")))

    def pass_lease(self) -> None:
        """Let the lease of whoever was killed run out."""
        with self.engine.begin() as connection:
            connection.execute(
                update(ArchiveLease).where(ArchiveLease.name == LEASE).values(expires_at=NOW - timedelta(days=1))
            )

    def lease(self) -> Any:
        """The lease as it stands."""
        with self.engine.connect() as connection:
            return connection.execute(select(ArchiveLease.__table__).where(ArchiveLease.name == LEASE)).one()

    def runs(self) -> Sequence[Any]:
        """The runs that were written down, the first first."""
        with self.engine.connect() as connection:
            return connection.execute(select(ArchiveRun.__table__).order_by(ArchiveRun.id)).all()

    def empty(self) -> None:
        """Throw everything away."""
        with self.engine.begin() as connection:
            for table in (*TABLES, ColdDay, ColdFile, ArchiveRun, ArchiveLease, AuditSeal, SealRun):
                connection.execute(delete(table))


@contextmanager
def place_of_its_own(settings: Settings, ending: str) -> Iterator[Place]:
    """The place of an app with a database of its own, which is gone afterwards."""
    with app_of_its_own(settings, ending) as app:
        place = Place(app, unhurried_engine(app.config["FORMROOM"], 5))
        yield place
        place.engine.dispose()


def in_year(year: int, *days: int) -> list[datetime]:
    """Moments of some days of a year, each a little later in its day than the one before."""
    return [
        datetime(year, 1, 1, 8, tzinfo=UTC) + timedelta(days=day, seconds=number) for number, day in enumerate(days)
    ]


def days_ago(*days: int) -> list[datetime]:
    """Moments so many days before now."""
    return [NOW - timedelta(days=day, seconds=number) for number, day in enumerate(days)]
