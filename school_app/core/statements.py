"""Statements as they are watched: counted for the request they serve, and logged with a name where they are slow.

core.db has every engine of pages and jobs watched; work that may take its time has engines of its own.
"""

from __future__ import annotations

import os.path
import re
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any

import structlog
from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext

from school_app.core import costs

log = structlog.get_logger()
ROOT = Path(__file__).resolve().parents[2]
BEGAN = "formroom_began"
LONGEST = 2000
_VERB = re.compile(r"[a-z]+", re.IGNORECASE)
_TABLE = re.compile(r"\b(?:from|into|update|table)\s+[`\"]?(\w+)", re.IGNORECASE)
_TEXT = re.compile(r"'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.|\"\")*\"", re.DOTALL)
_NUMBER = re.compile(r"(?<![\w.(%])\d\w*(?:\.\d+)?")
_PLACE = r"(?:%s|%\(\w+\)s|\?)"
_PLACES = re.compile(rf"({_PLACE})(?:,\s*{_PLACE}){{3,}}")


def watch(engine: Engine, slow_milliseconds: int) -> None:
    """Count the engine's statements, and log those that take as long as that, or fail after it."""
    slow_seconds = slow_milliseconds / 1000

    def began(_: object, _cursor: object, _statement: str, _values: object, context: Any, _many: bool) -> None:
        setattr(context, BEGAN, time.perf_counter())

    def ended(_: object, cursor: Any, statement: str, _values: object, context: Any, _many: bool) -> None:
        seconds = _taken(context)
        if seconds >= slow_seconds:
            _log(statement, seconds, rows=cursor.rowcount)

    def failed(failure: ExceptionContext) -> None:
        # What fails in reading the rows has been counted already.
        if getattr(failure.execution_context, BEGAN, None) is None:
            return
        seconds = _taken(failure.execution_context)
        if seconds >= slow_seconds:
            _log(failure.statement or "", seconds, failed=type(failure.original_exception).__name__)

    event.listen(engine, "before_cursor_execute", began)
    event.listen(engine, "after_cursor_execute", ended)
    event.listen(engine, "handle_error", failed)


def _taken(context: Any) -> float:
    """The seconds that a statement has taken, which are put down to the request that it serves."""
    seconds = time.perf_counter() - float(getattr(context, BEGAN))
    setattr(context, BEGAN, None)
    cost = costs.present()
    if cost is not None:
        cost.statements += 1
        cost.database += seconds
    return seconds


def _log(statement: str, seconds: float, **more: Any) -> None:
    cost = costs.present()
    if cost is not None:
        cost.slow += 1
    log.warning(
        "slow_statement",
        name=named(statement),
        asked_by=asker(),
        milliseconds=round(seconds * 1000),
        statement=without_values(statement),
        **more,
    )


def named(statement: str) -> str:
    """A statement's verb and the first table that it reads or writes: "select student"."""
    verb, table = _VERB.search(statement), _TABLE.search(statement)
    return f"{verb[0].lower() if verb else '?'} {table[1] if table else '?'}"


def without_values(statement: str) -> str:
    """A statement's text without what was written into it: texts and numbers are dots, and long lists are short."""
    bare = _NUMBER.sub("…", _TEXT.sub("'…'", " ".join(statement.split())))
    return _PLACES.sub(r"\1, …", bare)[:LONGEST]


def asker() -> str:
    """The function or the template, outside of core, that a statement comes from."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        path = os.path.normpath(frame.f_code.co_filename)
        inside = path.removeprefix(f"{ROOT}{os.sep}")
        if inside.startswith("templates"):
            return inside
        if inside.startswith(("school_app", "workers")) and not inside.startswith(os.path.join("school_app", "core")):
            return f"{frame.f_globals['__name__']}.{frame.f_code.co_qualname}:{frame.f_lineno}"
        frame = frame.f_back
    return "?"
