"""A school with a year that is over, in a database of its own where runs commit or are killed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import Flask
from sqlalchemy import delete, insert, select, update

from school_app.archiving.at_work import at_work, step_through
from school_app.archiving.models import ArchiveLease
from school_app.attendance.models import ArchivedMark, ArchivedRegister, AttendanceMark, Register
from school_app.config import Settings
from school_app.core import clock
from school_app.core.acting import Acting
from school_app.core.db import db
from school_app.core.db.engines import unhurried_engine
from school_app.schools.models import SchoolYear
from school_app.years.moving import YearRun
from tests import worlds
from tests.audit.cold.breaking import Points, watched
from tests.databases import app_of_its_own
from tests.years.past import past_year

# In the order in which rows may come in; marks point to registers.
TABLES: tuple[Any, ...] = tuple(model.__table__ for model in (Register, AttendanceMark, ArchivedRegister, ArchivedMark))
Everything = dict[tuple[str, int], tuple[Any, ...]]


@dataclass(frozen=True)
class Place:
    """The school's year, and who looks at it past the app; `live` are all rows as they were before it was closed."""

    app: Flask
    engine: Any
    year_id: int
    school_id: int
    live: dict[str, list[dict[str, Any]]]

    def begin_anew(self, *, archived: bool = False) -> Everything:
        """Put every row where it was, and close the year; where `archived`, bring it there and have it reopened."""
        long_ago = clock.now() - timedelta(days=1)
        with self.engine.begin() as connection:
            for table in reversed(TABLES):
                connection.execute(delete(table))
            for table in TABLES[:2]:
                connection.execute(insert(table), self.live[table.name])
            connection.execute(delete(ArchiveLease))
            closed = {"closed_at": long_ago, "closed_by": "a test", "moved_at": None, "reopening_since": None}
            connection.execute(update(SchoolYear.__table__).where(SchoolYear.id == self.year_id).values(closed))
        before = self.rows()
        if archived:
            self.run()
            with self.engine.begin() as connection:
                reopened = update(SchoolYear.__table__).where(SchoolYear.id == self.year_id)
                connection.execute(reopened.values(reopening_since=long_ago))
        return before

    def run(self, points: Points | None = None) -> YearRun:
        """A whole run, as the job does it, every point of which is counted where points are given."""
        with self.app.app_context(), at_work(self.app.config["FORMROOM"], Acting(actor_name="a test")) as session:
            run = YearRun(session, self.year_id, started_by="a test", batch=3)
            session.rollback()
            if points is None:
                step_through(session, run)
            else:
                with watched(session.get_bind(), points):
                    step_through(session, run)
        return run

    def rows(self, *tables: Any) -> Everything:
        """Every row of some tables, or of all; one that lies twice fails the test."""
        found: Everything = {}
        with self.engine.connect() as connection:
            for table in tables or TABLES:
                names, kind = sorted(table.columns.keys()), table.name.removesuffix("_archive")
                for row in connection.execute(select(*(table.c[name] for name in names))):
                    assert (kind, row.id) not in found, f"{kind} {row.id} lies twice"
                    found[(kind, row.id)] = tuple(row)
        return found

    def year(self) -> Any:
        """The year as it stands."""
        with self.engine.connect() as connection:
            return connection.execute(select(SchoolYear.__table__).where(SchoolYear.id == self.year_id)).one()

    def pass_lease(self) -> None:
        """Let the lease of whoever was killed run out."""
        with self.engine.begin() as connection:
            connection.execute(update(ArchiveLease).values(expires_at=clock.now() - timedelta(days=1)))


@contextmanager
def place_of_its_own(settings: Settings, ending: str) -> Iterator[Place]:
    """The place of an app with a database of its own, which is gone afterwards."""
    with app_of_its_own(settings, ending) as app:
        with app.app_context():
            schools = worlds.two_schools(db.session)
            past = past_year(db.session, schools.ours)
            school_id = schools.ours.school.id
            db.session.commit()
            db.session.remove()
        engine = unhurried_engine(app.config["FORMROOM"], 5)
        with engine.connect() as connection:
            live = {
                table.name: [dict(row) for row in connection.execute(select(table)).mappings()] for table in TABLES[:2]
            }
        yield Place(app, engine, past.year_id, school_id, live)
        engine.dispose()
