"""Rows that are added, or changed where there is one already of the same unique key: one statement for all of them.

Features that keep what they have counted write with put(). The session's guards stand as for every insert.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.orm import Session, scoped_session

AnySession = Session | scoped_session[Any]


def put(session: AnySession, model: type[Any], rows: Sequence[dict[str, Any]], *, key: Sequence[str]) -> None:
    """Add or change rows, one or more, each with the same columns, those of a unique key among them.

    The session does not see it in objects that it has read before.
    """
    names = [name for name in rows[0] if name not in key]
    dialect = session.get_bind().dialect.name
    statement = _on_sqlite(model, names, key) if dialect == "sqlite" else _on_mysql(model, names)
    # Without it rows with a NULL are written apart from the others.
    session.execute(statement, list(rows), execution_options={"render_nulls": True})


def _on_mysql(model: type[Any], names: Sequence[str]) -> Any:
    statement = mysql.insert(model)
    return statement.on_duplicate_key_update({name: statement.inserted[name] for name in names})


def _on_sqlite(model: type[Any], names: Sequence[str], key: Sequence[str]) -> Any:
    statement = sqlite.insert(model)
    changes = {name: statement.excluded[name] for name in names}
    return statement.on_conflict_do_update(index_elements=list(key), set_=changes)
