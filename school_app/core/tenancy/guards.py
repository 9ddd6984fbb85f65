"""The listeners that hold every statement and object of a SchoolSession to its school.

core.tenancy imports them, so that they stand wherever anything of it is used.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, cast
from weakref import WeakSet

from sqlalchemy import Column, Table, event, inspect
from sqlalchemy.orm import ORMExecuteState, Session, object_session, with_loader_criteria
from sqlalchemy.orm.context import FromStatement
from sqlalchemy.sql import visitors
from sqlalchemy.sql.base import ExecutableOption
from sqlalchemy.sql.dml import Insert, Update, UpdateBase
from sqlalchemy.sql.elements import TextClause
from sqlalchemy.sql.selectable import CTE, FromClause, Select, Subquery

from school_app.core.db import Base, SchoolSession
from school_app.core.lasting import lasts
from school_app.core.tenancy.entered import (
    FORGOTTEN,
    NoSchool,
    TenancyError,
    current_school,
    is_foreign,
    needed_school,
    sees_all_schools,
)
from school_app.core.tenancy.marks import IsSchool, SchoolOwned, owned_tables

# Set while SQLAlchemy itself writes the statement of Session.get(), with the table's own key columns.
BY_KEY = "formroom.by_key"


@event.listens_for(Base, "attribute_instrument", propagate=True)
def _watch_changes(model: type, name: str, attribute: Any) -> None:
    if issubclass(model, SchoolOwned | IsSchool):
        event.listen(attribute, "set", _guard_forgotten)


def _guard_forgotten(instance: object, value: Any, old: Any, initiator: Any) -> None:
    # A session that has forgotten an object writes none of its changes, and would say nothing.
    state = inspect(instance)
    if state.info.get(FORGOTTEN) and state.session is None:
        raise TenancyError(
            f"A {type(instance).__name__} is changed after its school was left, or after it was only read; read it "
            "anew where it is changed."
        )


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
    guarded = _guarded_lasting if lasts(state.statement) else _guarded_once
    state.statement = guarded(state.statement, school_id)


def _guarded_once(statement: Any, school_id: int) -> Any:
    return statement.options(*_criteria(school_id))


_guarded_lasting = lru_cache(maxsize=4096)(_guarded_once)


@lru_cache(maxsize=1024)
def _criteria(school_id: int) -> tuple[ExecutableOption, ...]:
    """The conditions of a school on every statement; to put them together takes as long as many a statement."""
    return (
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


# Statements that name no bare table.
_looked_through: WeakSet[Any] = WeakSet()


def _refuse_bare_tables(statement: Any) -> None:
    # A statement does not change, and one that many requests ask is looked through once.
    if statement in _looked_through:
        return
    for element in visitors.iterate(statement):
        named: list[Any] = [element] if isinstance(element, Column) else []
        if isinstance(element, Select):
            named += [*element._raw_columns, *element._from_obj, *(join[0] for join in element._setup_joins)]
        for one in named:
            _refuse_bare(one)
    if isinstance(statement, UpdateBase):
        _refuse_bare(statement.table)
    _looked_through.add(statement)


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
