"""Every change of an audited row becomes an audit row in the same transaction; neither can be without the other.

Models mix in Audited; listeners on SchoolSession do the rest. audit.service writes through write().
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import event, insert, inspect
from sqlalchemy.orm import Mapper, ORMExecuteState, Session, SessionTransaction

from school_app.audit.events import Event
from school_app.core import clock
from school_app.core.acting import acting
from school_app.core.db import Base, SchoolSession
from school_app.core.reading import afterwards, only_reads
from school_app.core.tenancy import IsSchool, SchoolOwned, current_school, rows_of_any_school

REDACT = {"audit": "redact"}
REDACTED = "[not recorded]"
SKIPPED = frozenset({"id", "school_id"})
REASON = "audit_reason"
# In a session's info: the audit rows that written_together() has not written yet.
WAITING = "formroom.audit_waiting"
Changes = dict[str, list[Any]]


class Audited:
    """Mixin of every model whose changes are recorded. Columns with info=REDACT are recorded without their values."""


class Unaudited(RuntimeError):
    """Audited rows would change without an audit row; a fault of the program."""


@event.listens_for(Mapper, "after_configured")
def _keep_old_values() -> None:
    # Without active history the value before a change is lost once a commit has expired it.
    for mapper in Base.registry.mappers:
        if issubclass(mapper.class_, Audited):
            for attribute in mapper.column_attrs:
                getattr(mapper.class_, attribute.key).impl.active_history = True


@event.listens_for(SchoolSession, "after_flush")
def _capture(session: Session, context: object) -> None:
    rows = list(_rows(session))
    if rows:
        write(session, rows)


def _rows(session: Session) -> Iterator[dict[str, Any]]:
    for instance in session.new:
        if isinstance(instance, Audited):
            yield _row(session, instance, Event.ROW_ADDED, _all_values(instance, before=False))
    for instance in session.dirty:
        if isinstance(instance, Audited) and (changes := _changed_values(instance)):
            yield _row(session, instance, Event.ROW_CHANGED, changes)
    for instance in session.deleted:
        if isinstance(instance, Audited):
            yield _row(session, instance, Event.ROW_REMOVED, _all_values(instance, before=True))


def _row(session: Session, instance: Any, what: Event, changes: Changes) -> dict[str, Any]:
    school_id = instance.id if isinstance(instance, IsSchool) else instance.school_id
    return row(
        session,
        what,
        school_id=school_id,
        entity_type=instance.__tablename__,
        entity_id=instance.id,
        student_id=instance.id if instance.__tablename__ == "student" else getattr(instance, "student_id", None),
        changes=changes,
    )


def row(session: Session, what: Event, **values: Any) -> dict[str, Any]:
    """The values of one audit row, its origin filled in from who is acting in the session."""
    origin = acting(session)
    empty = dict.fromkeys(("school_id", "entity_type", "entity_id", "student_id", "changes", "reason"))
    return {
        **empty,
        "created_at": clock.now(),
        "event": str(what),
        "actor_id": origin.actor_id,
        "actor_name": origin.actor_name,
        "ip": origin.ip,
        "request_id": origin.request_id,
        "job_id": origin.job_id,
        **values,
    }


def write(session: Session, rows: list[dict[str, Any]]) -> None:
    """Insert audit rows in the session's transaction, in one statement; within written_together() at its end."""
    from school_app.audit.models import AuditRow

    if only_reads(session):
        afterwards(session, lambda: write(session, rows))
        return
    if WAITING in session.info:
        session.info[WAITING].extend(rows)
        return
    with rows_of_any_school(session):
        session.execute(insert(AuditRow), rows, execution_options={"render_nulls": True})


@contextmanager
def written_together(session: Session) -> Iterator[None]:
    """Write the audit rows of what is done within, in their order, in one statement at the end of it.

    What breaks off within has to be rolled back; a commit before that, and a savepoint within, are refused.
    """
    if WAITING in session.info:
        yield
        return
    session.info[WAITING] = []
    yield
    session.flush()
    rows = session.info.pop(WAITING)
    if rows:
        write(session, rows)


@event.listens_for(SchoolSession, "before_commit")
def _refuse_early(session: Session) -> None:
    # Also where none wait yet: what the commit itself flushes would make some.
    if WAITING in session.info:
        raise Unaudited("Changes would be committed before their audit rows are written.")


@event.listens_for(SchoolSession, "after_transaction_create")
def _refuse_savepoint(session: Session, transaction: SessionTransaction) -> None:
    # What it takes back would have to be taken out of the rows that wait.
    if transaction.nested and WAITING in session.info:
        raise Unaudited("A savepoint is set while audit rows wait to be written together.")


@event.listens_for(SchoolSession, "after_rollback")
def _forget_waiting(session: Session) -> None:
    session.info.pop(WAITING, None)


def _all_values(instance: Any, *, before: bool) -> Changes:
    found: Changes = {}
    for attribute in inspect(type(instance)).column_attrs:
        value = getattr(instance, attribute.key)
        if attribute.key in SKIPPED or value is None:
            continue
        shown = _shown(attribute.columns[0], value)
        found[attribute.key] = [shown, None] if before else [None, shown]
    return found


def _changed_values(instance: Any) -> Changes:
    state = inspect(instance)
    found: Changes = {}
    for attribute in state.mapper.column_attrs:
        history = state.attrs[attribute.key].history
        if not history.has_changes() or attribute.key in SKIPPED:
            continue
        column = attribute.columns[0]
        before = history.deleted[0] if history.deleted else None
        after = history.added[0] if history.added else None
        if before != after:
            found[attribute.key] = [_shown(column, before), _shown(column, after)]
    return found


def _shown(column: Any, value: Any) -> Any:
    if value is not None and column.info.get("audit") == "redact":
        return REDACTED
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


@event.listens_for(SchoolSession, "do_orm_execute")
def _guard_bulk(state: ORMExecuteState) -> None:
    mapper = state.bind_mapper
    if mapper is None or not issubclass(mapper.class_, Audited):
        return
    if not (state.is_update or state.is_delete or state.is_insert):
        return
    reason = state.execution_options.get(REASON)
    if not reason:
        raise Unaudited(
            f"Many rows of {mapper.class_.__name__} would change at once without a record; "
            f'pass execution_options={{"{REASON}": "why"}} to have one row written for all.'
        )
    rows = state.parameters if isinstance(state.parameters, list) else []
    if state.is_insert and rows and "student_id" in mapper.columns:
        _write_each(state, mapper, rows, reason=str(reason))
    else:
        _write_summary(state, mapper.class_, str(reason))


def _write_each(state: ORMExecuteState, mapper: Any, rows: list[dict[str, Any]], *, reason: str) -> None:
    """One audit row for each row about a student, whose history would lack it otherwise; it has no id yet."""
    columns = {attribute.key: attribute.columns[0] for attribute in mapper.column_attrs}
    here = current_school(state.session)
    told = [
        row(
            state.session,
            Event.ROW_ADDED,
            school_id=values.get("school_id", here),
            entity_type=mapper.class_.__tablename__,
            student_id=values["student_id"],
            changes={
                name: [None, _shown(columns[name], value)]
                for name, value in values.items()
                if name in columns and name not in SKIPPED and value is not None
            },
            reason=reason,
        )
        for values in rows
    ]
    write(state.session, told)


def _write_summary(state: ORMExecuteState, model: type[Any], reason: str) -> None:
    kind = "insert" if state.is_insert else "update" if state.is_update else "delete"
    rows = state.parameters if isinstance(state.parameters, list) else None
    changes = {"statement": [None, kind], **({"rows": [None, len(rows)]} if rows else {})}
    school_id = current_school(state.session) if issubclass(model, SchoolOwned) else None
    summary = row(
        state.session,
        Event.ROWS_CHANGED_TOGETHER,
        school_id=school_id,
        entity_type=model.__tablename__,
        changes=changes,
        reason=reason,
    )
    write(state.session, [summary])
