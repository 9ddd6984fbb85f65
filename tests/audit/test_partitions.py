"""The yearly partitions: there are two years ahead, and nothing lies in the catch-all."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Flask

from school_app.audit import partitions
from school_app.core.db import db


def test_this_year_and_the_next_two_have_partitions_of_their_own(app: Flask) -> None:
    with app.app_context():
        assert partitions.keep(db.engine) == 0
        found = {(one.table, one.name) for one in partitions.partitions(db.engine)}
        strays = partitions.strays(db.engine)
    year = datetime.now(UTC).year
    for table in partitions.TABLES:
        assert {(table, f"p{one}") for one in (year, year + 1, year + 2)} <= found
        assert (table, "pmax") in found
    assert strays == 0
