"""The school that a session has entered, or the one escape to all of them; what was loaded of others is forgotten.

Requests, jobs and commands have it from core.tenancy.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from sqlalchemy import inspect
from sqlalchemy.orm import Session, scoped_session

from school_app.core.tenancy.marks import IsSchool, SchoolOwned

SCHOOL = "formroom.school_id"
EVERY_SCHOOL = "formroom.all_schools"
# Marks an object that was expunged because its school was left, or because it was only read.
FORGOTTEN = "formroom.forgotten"
AnySession = Session | scoped_session[Any]


class TenancyError(RuntimeError):
    """A statement or an object that does not belong to the session's school; a fault of the program."""


class NoSchool(TenancyError):
    """School data was asked for while no school was set."""


def current_school(session: AnySession) -> int | None:
    """The id of the school that is set, or None."""
    return cast("int | None", session.info.get(SCHOOL))


def needed_school(session: AnySession) -> int:
    """The id of the school that is set; raises NoSchool."""
    school_id = current_school(session)
    if school_id is None:
        raise NoSchool("No school is set; enter one with use_school().")
    return school_id


def enter_school(session: AnySession, school_id: int | None) -> None:
    """Set the school for the rest of the session, and forget every loaded object of another."""
    if session.info.get(SCHOOL) != school_id and (session.new or session.dirty or session.deleted):
        raise TenancyError("There are unsaved changes; flush them before another school is entered.")
    session.info[SCHOOL] = school_id
    _forget_foreign(session)


@contextmanager
def use_school(session: AnySession, school_id: int) -> Iterator[None]:
    """Work inside one school, also where all_schools() stands around it; afterwards everything is as before."""
    before, every = current_school(session), session.info.get(EVERY_SCHOOL, 0)
    if session.new or session.dirty or session.deleted:
        session.flush()
    session.info[EVERY_SCHOOL] = 0
    enter_school(session, school_id)
    try:
        yield
    except BaseException:
        session.rollback()
        raise
    finally:
        if session.new or session.dirty or session.deleted:
            session.flush()
        session.info[EVERY_SCHOOL] = every
        enter_school(session, before)


@contextmanager
def all_schools(session: AnySession) -> Iterator[None]:
    """The one escape, for log-in, operators and jobs: a tested list of places may use it.

    What was loaded of other schools is forgotten at the end, when a school is set.
    """
    depth = session.info.get(EVERY_SCHOOL, 0)
    session.info[EVERY_SCHOOL] = depth + 1
    try:
        yield
        if session.new or session.dirty or session.deleted:
            session.flush()
    finally:
        session.info[EVERY_SCHOOL] = depth
        if not depth:
            _forget_foreign(session)


@contextmanager
def rows_of_any_school(session: AnySession) -> Iterator[None]:
    """For audit capture, claims of jobs and what core.touched asks, which run in a flush or commit.

    Their rows carry a school or none, or are asked for by one.
    """
    depth = session.info.get(EVERY_SCHOOL, 0)
    session.info[EVERY_SCHOOL] = depth + 1
    try:
        # What waits for a flush is not flushed here, where nobody would give it its school.
        with session.no_autoflush:
            yield
    finally:
        session.info[EVERY_SCHOOL] = depth


def sees_all_schools(session: AnySession) -> bool:
    """Whether the session is inside all_schools()."""
    return bool(session.info.get(EVERY_SCHOOL))


def refuse_unless_all_schools(session: AnySession, what: str) -> None:
    """Raise TenancyError for a way around the guards."""
    if not sees_all_schools(session):
        raise TenancyError(f"{what} passes by the guards of tenancy; it is allowed inside all_schools() only.")


def is_foreign(session: AnySession, instance: object) -> bool:
    """Whether a loaded object belongs to another school than the one set."""
    if sees_all_schools(session):
        return False
    key = _school_of(instance)
    return key is not _UNOWNED and key != current_school(session)


_UNOWNED = object()


def _school_of(instance: object) -> object:
    # Only what is already loaded is read: an expired attribute would be refreshed, which is a statement of its own.
    values = instance.__dict__
    if isinstance(instance, IsSchool):
        return values.get("id", _UNOWNED)
    if isinstance(instance, SchoolOwned):
        return values.get("school_id", _UNOWNED)
    return _UNOWNED


def _forget_foreign(session: AnySession) -> None:
    for instance in list(session.identity_map.values()):
        if isinstance(instance, SchoolOwned | IsSchool) and (
            is_foreign(session, instance) or _school_of(instance) is _UNOWNED
        ):
            session.expunge(instance)
            inspect(instance).info[FORGOTTEN] = True


def forget_all(session: AnySession) -> None:
    """Forget every loaded object, so that none of its changes is ever written: to change one raises TenancyError."""
    for instance in list(session.identity_map.values()):
        session.expunge(instance)
        inspect(instance).info[FORGOTTEN] = True
