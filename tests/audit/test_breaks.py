"""Wherever an archive run is broken off, every row lies in one place, as it was, and the next run finishes the work."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy.exc import OperationalError

from school_app.audit.models import RunStatus
from tests.audit.breaks import (
    CUTOFF,
    begin_anew,
    check_finished,
    check_whole,
    count_points,
    end_connections,
    watched_run,
)
from tests.audit.cold.breaking import Points, in_a_child, kill, server_error
from tests.audit.places import Place, days_ago

Act = Callable[[], None]
# What a server says, and what may happen to a connection. An error after a commit is a reply that was lost.
ERRORS: dict[str, Callable[[Place], Act]] = {
    "lock wait": lambda place: server_error(1205),
    "deadlock": lambda place: server_error(1213),
    "reply lost": lambda place: server_error(2013),
    "time limit": lambda place: server_error(1969),
    "connection ended": end_connections,
}
# Quick tests look at every so many points, from another one on for each kind.
EVERY_KILL, EVERY_ERROR = 17, 41


def kill_at(place: Place, point: int, *, sealed: bool = False) -> None:
    before = begin_anew(place, sealed=sealed)
    assert in_a_child(lambda: watched_run(place, Points(point, kill)) and None) == -9, f"point {point}"
    check_whole(place, before)
    place.pass_lease()
    place.run(cutoff=CUTOFF)
    check_finished(place, before)
    # The run that was killed is told to have been broken off, unless its end was committed, or its beginning was not.
    assert {run.status for run in place.runs()[:-1]} <= {RunStatus.STOPPED, RunStatus.DONE}
    check_idle(place)


def check_idle(place: Place) -> None:
    """A further run changes nothing, and a new row gets an id of its own."""
    found = place.rows()
    assert place.run(cutoff=CUTOFF).moved == 0
    assert place.rows() == found
    place.write(*days_ago(1))
    assert len(place.rows()) == len(found) + 1


def fail_at(place: Place, point: int, make: Callable[[Place], Act]) -> None:
    before, points = begin_anew(place), Points(point, make(place))
    try:
        watched_run(place, points)
    except OperationalError:
        check_whole(place, before)
    else:
        # What passes, the run has waited out or done again, and then all its work.
        check_finished(place, before)
    assert points.passed >= point, f"point {point} was not reached"
    # Where the connection was gone, the run could not give back its lease.
    place.pass_lease()
    place.run(cutoff=CUTOFF)
    check_finished(place, before)
    check_idle(place)


@pytest.mark.parametrize("sealed", [False, True], ids=["unsealed", "sealed"])
def test_killed_at_some_points(place: Place, sealed: bool) -> None:
    for point in range(1 + 4 * sealed, count_points(place, sealed=sealed) + 1, EVERY_KILL):
        kill_at(place, point, sealed=sealed)


@pytest.mark.parametrize("error", ERRORS)
def test_an_error_at_some_points(place: Place, error: str) -> None:
    offset = 2 + 8 * list(ERRORS).index(error)
    for point in range(offset, count_points(place) + 1, EVERY_ERROR):
        fail_at(place, point, ERRORS[error])


@pytest.mark.soak
@pytest.mark.parametrize("sealed", [False, True], ids=["unsealed", "sealed"])
def test_killed_at_every_point(place: Place, sealed: bool) -> None:
    for point in range(1, count_points(place, sealed=sealed) + 1):
        kill_at(place, point, sealed=sealed)


@pytest.mark.soak
@pytest.mark.parametrize("error", ERRORS)
def test_an_error_at_every_point(place: Place, error: str) -> None:
    for point in range(1, count_points(place) + 1):
        fail_at(place, point, ERRORS[error])
