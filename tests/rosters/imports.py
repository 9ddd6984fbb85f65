"""Bringing bundles in, for tests: as an operator does it, into the school that each bundle is about."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import select

from school_app.core.tenancy import all_schools, enter_school
from school_app.rosters.service import Options, Outcome, import_bundle
from school_app.schools.models import School
from tests.rosters.bundles import Rows, write


def bring_in(session: Any, tmp_path: Path, rows: Rows, *, version: str = "1.1", **options: Any) -> Outcome:
    """Bring the rows in as a bundle; afterwards the session is inside their school."""
    enter_school(session, None)
    outcome = import_bundle(session, write(tmp_path / "bundle.zip", rows, version), Options(**options))
    session.flush()
    with all_schools(session):
        school_id = session.scalars(select(School.id).where(School.sourced_id == "S1")).one_or_none()
    enter_school(session, school_id)
    return outcome


def without(rows: Rows, file: str, **fields: str) -> Rows:
    """The rows, but for those of one file that have these fields."""
    kept = [one for one in rows[file] if not all(one.get(name) == value for name, value in fields.items())]
    return {**rows, file: kept}


def changed(rows: Rows, file: str, sourced_id: str, **fields: str) -> Rows:
    """The rows, one of them changed."""
    return {
        **rows,
        file: [{**one, **fields} if one["sourcedId"] == sourced_id else one for one in rows[file]],
    }
