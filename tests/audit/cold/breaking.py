"""Breaking a run off at its k-th point: before or after any statement, commit, fsync, rename or removal.

A point kills the process, or raises what servers and disks raise. Points are counted in the order in which they come.
"""

from __future__ import annotations

import errno
import os
import signal
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.exc import OperationalError

FILE_CALLS = ("fsync", "rename", "unlink")
NEVER = 10**9


@dataclass
class Points:
    """Counts the points that are passed, and does something at one of them."""

    at: int
    act: Callable[[], None]
    passed: int = 0

    def reach(self) -> None:
        self.passed += 1
        if self.passed == self.at:
            self.act()


def count_points_of(run: Callable[[Points], object], least: int) -> int:
    """How many points a whole run passes, which has at least so many; with fewer it was not watched.

    It is run twice, and the fewer count: where a run has to wait for somebody it tries again, and passes more.
    """
    found = [Points(NEVER, kill) for _ in range(2)]
    for points in found:
        run(points)
    fewest = min(points.passed for points in found)
    assert fewest >= least, f"only {fewest} points were reached"
    return fewest


def kill() -> None:
    """What a loss of power does to a process."""
    os.kill(os.getpid(), signal.SIGKILL)


def server_error(code: int) -> Callable[[], None]:
    """What raises an error of the server: 1205 lock wait, 1213 deadlock, 2013 connection lost, 1969 time limit."""

    def act() -> None:
        raise OperationalError("a statement", {}, Exception(code))

    return act


def full_disk() -> None:
    """What raises "no space left"."""
    raise OSError(errno.ENOSPC, "No space left on device")


@contextmanager
def watched(engine: Engine, points: Points) -> Iterator[Points]:
    """Within it, every point reaches `points`."""

    def reach(*args: Any) -> None:
        points.reach()

    names = ("before_cursor_execute", "after_cursor_execute", "commit")
    for name in names:
        event.listen(engine, name, reach)
    commit = engine.dialect.do_commit

    def do_commit(connection: Any) -> None:
        commit(connection)
        # The commit was applied, and its reply is lost.
        points.reach()

    engine.dialect.do_commit = do_commit  # type: ignore[method-assign]
    try:
        with _watched_files(points):
            yield points
    finally:
        engine.dialect.do_commit = commit  # type: ignore[method-assign]
        for name in names:
            event.remove(engine, name, reach)


@contextmanager
def _watched_files(points: Points) -> Iterator[None]:
    calls = {name: getattr(os, name) for name in FILE_CALLS}

    def around(call: Callable[..., Any]) -> Callable[..., Any]:
        def called(*args: Any, **kwargs: Any) -> Any:
            points.reach()
            result = call(*args, **kwargs)
            points.reach()
            return result

        return called

    for name, call in calls.items():
        setattr(os, name, around(call))
    try:
        yield
    finally:
        for name, call in calls.items():
            setattr(os, name, call)


def forked(work: Callable[[], None]) -> int:
    """Do something in a forked process, which ends with status 0 where that went well; returns its number."""
    with warnings.catch_warnings():
        # Newer Pythons warn of every fork beside threads; the child does nothing but this and ends.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        status = 1
        with suppress(BaseException):
            work()
            status = 0
        os._exit(status)
    return child


def in_a_child(work: Callable[[], None]) -> int:
    """Do something in a forked process; returns how it ended: 0, or the negative number of what killed it."""
    _, found = os.waitpid(forked(work), 0)
    return os.waitstatus_to_exitcode(found)
