"""What a verification prints: one broken run or lost file is one line, however many days it touches."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from sqlalchemy import update

from school_app.audit.differences import Difference, Kind
from school_app.audit.listing import lines
from school_app.audit.models import SealRun
from school_app.audit.seals import seal
from school_app.audit.sources import Tables
from school_app.audit.verify import verify
from tests.audit.sealing import FIRST, everywhere, write

__all__ = ["everywhere"]
SLUGS = {None: "platform", 7: "ours", 8: "theirs"}
DAYS = [FIRST + timedelta(number) for number in range(25)]
FILE = "year=2025/school-7.parquet"


def missing(school_id: int, day: date) -> Difference:
    return Difference(Kind.MISSING, school_id, day, "3 rows sealed, 0 found.")


def test_a_lost_file_is_told_once_with_its_days() -> None:
    found = [missing(7, day) for day in reversed(DAYS)] + [missing(8, DAYS[0])]
    first, other = lines(found, SLUGS, {(7, day): FILE for day in DAYS})
    assert (first.day, first.whose, first.what) == (FIRST, "ours", "missing rows")
    named = ", ".join(str(day) for day in DAYS[:10])
    assert first.words == f"25 days of {FILE}: {named} and 15 more."
    assert (other.whose, other.words) == ("theirs", "3 rows sealed, 0 found.")


def test_a_lost_file_is_named_where_the_sealing_run_of_its_days_is_broken_too() -> None:
    found = [replace(missing(7, day), within="the sealing run up to row 9") for day in DAYS]
    (told,) = lines(found, SLUGS, {(7, day): FILE for day in DAYS})
    assert told.words.startswith(f"25 days of {FILE}: ")


def test_what_a_lost_file_did_not_hold_stands_alone() -> None:
    differs = Difference(Kind.DIFFERS, 7, DAYS[0], "They are not the same.")
    assert [one.words for one in lines([differs], SLUGS, {(7, DAYS[0]): FILE})] == ["They are not the same."]


def test_one_seal_is_told_once_and_two_days_apart() -> None:
    first, second = (Difference(Kind.BROKEN, 7, DAYS[0], sentence) for sentence in ("It is another.", "No link."))
    rows = Difference(Kind.DIFFERS, 7, DAYS[0], "Rows.")
    (one, other) = lines([first, second, rows, missing(7, DAYS[1])], SLUGS, {})
    assert (one.what, one.words) == ("chain broken, differs", "It is another. No link. Rows.")
    assert (other.day, other.what) == (DAYS[1], "missing rows")


def test_a_broken_sealing_run_is_told_once_for_each_way_in_which_days_differ(everywhere: Any) -> None:
    for day in DAYS:
        write(everywhere, None, day, 1)
    (run,) = seal(everywhere, DAYS[-1] + timedelta(1))
    everywhere.execute(
        update(SealRun).values(above_id=run.above_id + 1), execution_options={"synchronize_session": False}
    )
    found = [one for step in verify(everywhere, [Tables(everywhere)]) for one in step.differences]
    assert len(found) >= len(DAYS)
    (told,) = lines(found, SLUGS, {})
    assert told.words.startswith(f"25 days of the sealing run up to row {run.up_to_id}: {FIRST}, ")
    assert "and 15 more. " in told.words
    assert "The seal belongs to no sealing run." in told.words
