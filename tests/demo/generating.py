"""Making small schools by the numbers, and what tests ask of their rows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from click.testing import Result
from flask import Flask
from sqlalchemy import Connection, func, select

from school_app.config import Settings
from school_app.core.db.engines import unhurried_engine
from school_app.demo.generated import tables
from school_app.demo.generated.loading import Shape
from tests import databases

SCHOOLS, STUDENTS, AUDIT = 2, 120, 600
# Drawn anew in each process, or of the moment of the run.
NOT_COMPARED = {"account.password_hash"}
SHAPES = [one for one in vars(tables).values() if isinstance(one, Shape)]


def generate(app: Flask, **options: Any) -> Result:
    """What `flask demo generate` says to some options."""
    arguments = [part for name, value in options.items() for part in (f"--{name}", str(value))]
    with app.app_context():
        return app.test_cli_runner().invoke(args=["demo", "generate", *arguments])


@contextmanager
def small_school(settings: Settings, name: str, **options: Any) -> Iterator[Flask]:
    """An app over one small school as it stood in February, unless the options say otherwise."""
    with databases.app_of_its_own(settings, name) as app:
        wanted = {"schools": 1, "students": 30, "years": 1, "audit": 40, "until": "2026-02-20", **options}
        done = generate(app, **wanted)
        assert done.exit_code == 0, done.output
        yield app


def digests(app: Flask) -> dict[str, str]:
    """A digest of the rows of each table that is generated, but for what is of the moment of the run."""
    found = {}
    engine = unhurried_engine(app.config["FORMROOM"])
    with engine.connect() as connection:
        for table in {shape.table for shape in SHAPES}:
            columns = [one for one in table.columns if f"{table.name}.{one.name}" not in NOT_COMPARED]
            rows = connection.execute(select(*columns).order_by(*table.primary_key)).all()
            found[table.name] = hashlib.sha256(repr(rows).encode()).hexdigest()
    engine.dispose()
    return found


def count(connection: Connection, *conditions: Any, of: Any) -> int:
    """How many rows meet some conditions."""
    return int(connection.execute(select(func.count()).select_from(of).where(*conditions)).scalar_one())
