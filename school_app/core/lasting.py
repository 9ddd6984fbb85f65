"""Statements that stay for as long as the process, put together when their module is loaded.

Queries that many requests ask declare them with lasting(); core.tenancy guards them as every other.
"""

from __future__ import annotations

from typing import Any, TypeVar
from weakref import WeakSet

Statement = TypeVar("Statement", bound=Any)
_lasting: WeakSet[Any] = WeakSet()


def lasting(statement: Statement) -> Statement:
    """Say of a statement that it stays, and takes its values as parameters.

    What guards it is then added to it once for each school instead of each time. That, and to put a statement together,
    takes longer than to ask most of them.
    """
    _lasting.add(statement)
    return statement


def lasts(statement: Any) -> bool:
    """Whether a statement was declared to stay."""
    return statement in _lasting
