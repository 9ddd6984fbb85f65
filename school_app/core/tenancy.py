"""A tenant is a school: every statement and object of a session belongs to the one school set on it, or it fails.

Set by the request guard, jobs and commands; listeners on SchoolSession do the rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from sqlalchemy import Column, ForeignKey, ForeignKeyConstraint, Table, UniqueConstraint, event, inspect
from sqlalchemy.orm import (
    Mapped,
    ORMExecuteState,
    Session,
    declared_attr,
    mapped_column,
    object_session,
    scoped_session,
    with_loader_criteria,
)
from sqlalchemy.orm.context import FromStatement
from sqlalchemy.sql import visitors
from sqlalchemy.sql.dml import Insert, Update, UpdateBase
from sqlalchemy.sql.elements import TextClause
from sqlalchemy.sql.selectable import CTE, FromClause, Select, Subquery

from school_app.core.db import Base, Id, SchoolSession

SCHOOL = "formroom.school_id"
EVERY_SCHOOL = "formroom.all_schools"
# Set while SQLAlchemy itself writes the statement of Session.get(), with the table's own key columns.
BY_KEY = "formroom.by_key"
# Marks an object that was expunged because its school was left.
FORGOTTEN = "formroom.forgotten"
AnySession = Session | scoped_session[Any]


class TenancyError(RuntimeError):
    """A statement or an object that does not belong to the session's school; a fault of the program."""


class NoSchool(TenancyError):
    """School data was asked for while no school was set."""


class SchoolOwned:
    """Mixin of every table whose rows belong to one school."""

    @declared_attr
    def school_id(cls) -> Mapped[int]:
        return mapped_column(Id, ForeignKey("school.id", ondelete="RESTRICT"), nullable=False)


class SchoolOrPlatform(SchoolOwned):
    """Mixin of tables whose rows belong to one school or, with a NULL, to the platform itself."""

    @declared_attr
    def school_id(cls) -> Mapped[int | None]:  # type: ignore[override]
        return mapped_column(Id, ForeignKey("school.id", ondelete="RESTRICT"), nullable=True)


class IsSchool:
    """Mixin of the school table itself, whose `id` is the tenant."""

    @declared_attr
    def id(cls) -> Mapped[int]:
        return mapped_column(Id, primary_key=True, autoincrement=True, sort_order=-1)


def keyed(*more: Any) -> tuple[Any, ...]:
    """Table arguments of an owned table that others point to: the pair (school_id, id) is a key."""
    return (UniqueConstraint("school_id", "id"), *more)


def belongs(column: str, table: str, *, ondelete: str = "RESTRICT") -> ForeignKeyConstraint:
    """A foreign key that carries the school, so that the database refuses a row that points across schools."""
    return ForeignKeyConstraint(["school_id", column], [f"{table}.school_id", f"{table}.id"], ondelete=ondelete)


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
    """For audit capture and claims of jobs alone, which run in a flush or commit: their rows carry a school or none."""
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


@event.listens_for(Base, "attribute_instrument", propagate=True)
def _watch_changes(model: type, name: str, attribute: Any) -> None:
    if issubclass(model, SchoolOwned | IsSchool):
        event.listen(attribute, "set", _guard_forgotten)


def _guard_forgotten(instance: object, value: Any, old: Any, initiator: Any) -> None:
    # A session that has forgotten an object writes none of its changes, and would say nothing.
    state = inspect(instance)
    if state.info.get(FORGOTTEN) and state.session is None:
        raise TenancyError(
            f"A {type(instance).__name__} is changed after its school was left; change it inside all_schools()."
        )


def owned_tables() -> set[Table]:
    """Every table whose rows belong to a school, and the table of schools."""
    return {
        cast(Table, mapper.local_table)
        for mapper in Base.registry.mappers
        if issubclass(mapper.class_, SchoolOwned | IsSchool)
    }


@event.listens_for(SchoolSession, "do_orm_execute")
def _guard_statement(state: ORMExecuteState) -> None:
    session = state.session
    statement = state.statement
    if sees_all_schools(session) or not _guarded(state):
        return
    school_id = current_school(session)
    if not (state.is_column_load or state.is_relationship_load or session.info.get(BY_KEY)):
        _refuse_bare_tables(statement)
    if school_id is None:
        if _owned_among(statement):
            raise NoSchool("No school is set; enter one with use_school() before school data is read or changed.")
        return
    if state.is_insert:
        _check_insert(state, school_id)
    elif state.is_update and _changes_school(state):
        raise TenancyError("school_id cannot be changed.")
    else:
        _add_criteria(state, school_id)


def _guarded(state: ORMExecuteState) -> bool:
    """Whether a statement takes criteria; one that cannot take them is refused, unless it names no school data."""
    if isinstance(state.statement, TextClause | FromStatement):
        raise TenancyError("Raw SQL passes by the guards of tenancy; write it with models.")
    if not state.is_orm_statement:
        _refuse_owned_tables(state.statement)
    return state.is_orm_statement


def _add_criteria(state: ORMExecuteState, school_id: int) -> None:
    state.statement = state.statement.options(
        with_loader_criteria(SchoolOwned, lambda cls: cls.school_id == school_id, include_aliases=True),
        with_loader_criteria(IsSchool, lambda cls: cls.id == school_id, include_aliases=True),
    )


def _through_model(element: Any) -> bool:
    annotations = getattr(element, "_annotations", {})
    return "parententity" in annotations or "parentmapper" in annotations


def _owned_table(element: Any) -> Table | None:
    """The owned table that an element of a statement is, or is a column of."""
    table = element.table if isinstance(element, Column) else element
    if not isinstance(table, Table):
        return None
    table = Base.metadata.tables.get(table.key, table)
    return table if table in owned_tables() else None


def _owned_among(statement: Any) -> bool:
    elements = (*visitors.iterate(statement), getattr(statement, "table", None))
    return any(_owned_table(element) is not None for element in elements)


def _refuse_owned_tables(statement: Any) -> None:
    if _owned_among(statement):
        raise TenancyError("A table of school data is used without its model, where no guard stands.")


def _refuse_bare_tables(statement: Any) -> None:
    for element in visitors.iterate(statement):
        named: list[Any] = [element] if isinstance(element, Column) else []
        if isinstance(element, Select):
            named += [*element._raw_columns, *element._from_obj, *(join[0] for join in element._setup_joins)]
        for one in named:
            _refuse_bare(one)
    if isinstance(statement, UpdateBase):
        _refuse_bare(statement.table)


def _refuse_bare(named: Any) -> None:
    # A subquery is a statement of its own, whose parts are looked at one by one.
    if _through_model(named) or isinstance(named, Subquery | CTE):
        return
    inside = visitors.iterate(named) if isinstance(named, FromClause) else [named]
    for element in inside:
        table = _owned_table(element)
        if table is not None and not _through_model(element):
            raise TenancyError(f"Table {table.name} is used without its model, where no guard stands.")


def _check_insert(state: ORMExecuteState, school_id: int) -> None:
    statement = cast(Insert, state.statement)
    mapper = state.bind_mapper
    if mapper is None or not issubclass(mapper.class_, SchoolOwned):
        return
    if statement._values or statement._multi_values or statement.select is not None:
        raise TenancyError("Pass the rows of an insert as parameters, so that their school can be checked.")
    parameters = state.parameters
    for row in parameters if isinstance(parameters, list) else [parameters]:
        if not isinstance(row, dict):
            raise TenancyError("The rows of an insert are dicts, so that their school can be set.")
        if row.setdefault("school_id", school_id) != school_id:
            raise TenancyError("A row of another school cannot be inserted.")


def _changes_school(state: ORMExecuteState) -> bool:
    if isinstance(state.parameters, list):
        raise TenancyError("An update of many rows by their keys passes by the guards; update with a WHERE.")
    statement = cast(Update, state.statement)
    return any(getattr(column, "key", column) == "school_id" for column in statement._values or {})


@event.listens_for(SchoolSession, "before_flush")
def _guard_flush(session: Session, context: object, instances: object) -> None:
    if sees_all_schools(session):
        return
    for instance in session.new:
        if isinstance(instance, SchoolOwned):
            _stamp(session, instance)
    for instance in (*session.dirty, *session.deleted):
        if isinstance(instance, SchoolOwned | IsSchool) and is_foreign(session, instance):
            raise TenancyError(f"A {type(instance).__name__} of another school cannot be changed.")


def _stamp(session: Session, instance: SchoolOwned) -> None:
    school_id = needed_school(session)
    unset: int | None = instance.school_id
    if unset is None:
        instance.school_id = school_id
    if instance.school_id != school_id:
        raise TenancyError(f"A {type(instance).__name__} of another school cannot be added.")


@event.listens_for(SchoolSession, "loaded_as_persistent")
def _guard_loaded(session: Session, instance: object) -> None:
    if is_foreign(session, instance):
        session.expunge(instance)
        raise TenancyError(f"A {type(instance).__name__} of another school was loaded.")


@event.listens_for(Base, "refresh", propagate=True)
def _guard_refreshed(instance: object, context: Any, names: object) -> None:
    session = object_session(instance)
    if isinstance(session, SchoolSession) and is_foreign(session, instance):
        raise TenancyError(f"A {type(instance).__name__} of another school was refreshed.")
