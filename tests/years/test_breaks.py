"""Wherever a run over a year is broken off, every row lies in one place, as it was, and the next run finishes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from sqlalchemy.exc import OperationalError

from school_app.config import Settings
from school_app.core.db import db
from tests.audit.cold.breaking import Points, count_points_of, in_a_child, kill, server_error
from tests.years.places import TABLES, Place, place_of_its_own

# Quick tests look at every so many points, from another one on for each kind.
EVERY = 11
ERRORS: dict[str, Callable[[], None]] = {
    "lock wait": server_error(1205),
    "reply lost": server_error(2013),
}
LEAST_POINTS = 60


@pytest.fixture(scope="module")
def place(settings: Settings) -> Iterator[Place]:
    with place_of_its_own(settings, "years") as place:
        yield place


def count_points(place: Place, *, archived: bool = False) -> int:
    def run(points: Points) -> None:
        place.begin_anew(archived=archived)
        place.run(points)

    return count_points_of(run, LEAST_POINTS)


def check_finished(place: Place, before: object, *, archived: bool) -> None:
    assert place.rows() == before
    year = place.year()
    in_archive = [day for table in TABLES[2:] for day in place.rows(table).values()]
    if archived:
        assert (in_archive, year.closed_at, year.reopening_since) == ([], None, None)
    else:
        assert (len(in_archive), year.moved_at is None) == (9, False)


def break_off(place: Place, point: int, act: Callable[[], None], *, archived: bool, kills: bool) -> None:
    before, points = place.begin_anew(archived=archived), Points(point, act)
    if kills:
        with place.app.app_context():
            db.engine.dispose()
        assert in_a_child(lambda: place.run(points) and None) == -9, f"point {point}"
    else:
        with suppress(OperationalError):
            place.run(points)
        assert points.passed >= point, f"point {point} was not reached"
    assert place.rows() == before, f"point {point}"
    place.pass_lease()
    if archived and place.year().closed_at is None:
        # What broke off came after the end: the year is open, and nothing is left to do.
        check_finished(place, before, archived=True)
        return
    place.run()
    check_finished(place, before, archived=archived)


@pytest.mark.parametrize("archived", [False, True], ids=["closing", "reopening"])
def test_killed_at_some_points(place: Place, archived: bool) -> None:
    for point in range(1 + 5 * archived, count_points(place, archived=archived) + 1, EVERY):
        break_off(place, point, kill, archived=archived, kills=True)


@pytest.mark.parametrize("error", ERRORS)
def test_an_error_at_some_points(place: Place, error: str) -> None:
    for point in range(3 + 4 * list(ERRORS).index(error), count_points(place) + 1, EVERY):
        break_off(place, point, ERRORS[error], archived=False, kills=False)


@pytest.mark.soak
@pytest.mark.parametrize("archived", [False, True], ids=["closing", "reopening"])
def test_killed_at_every_point(place: Place, archived: bool) -> None:
    points = count_points(place, archived=archived)
    for point in range(1, points + 1):
        break_off(place, point, kill, archived=archived, kills=True)
    # Each time all rows are compared after the kill, and once more when the next run has finished.
    print(f"Killed at each of {points} points; {2 * points * len(place.rows())} rows compared, each in one place.")
