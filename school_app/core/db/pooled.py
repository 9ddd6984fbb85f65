"""Pooled connections, taken and given back without asking the server what is known already.

The pool's own ways ask the server at every request whether it is there, and roll back once more what has been rolled
back: two round trips of the five that a kept page needs. core.db.engines installs these in their place.
"""

from __future__ import annotations

import select
import time
from typing import Any

from pymysql.constants.SERVER_STATUS import SERVER_STATUS_IN_TRANS
from pymysql.err import Error
from sqlalchemy import Engine, event
from sqlalchemy.exc import InvalidatePoolError

# In a connection's record: when it was given back.
GIVEN_BACK = "formroom.given_back"
# A connection that nobody used for so long is asked after: something between may have forgotten it without a word.
SILENT_SECONDS = 30


def spare_round_trips(engine: Engine) -> None:
    """Look after an engine's connections at their sockets; its pool has neither to ping nor to reset them."""
    event.listen(engine, "checkout", _hold_standing)
    event.listen(engine, "reset", _end_transaction)
    event.listen(engine, "checkin", _note_end)


def _hold_standing(connection: Any, record: Any, proxy: object) -> None:
    """Have the pool connect anew, and take none of its older connections, where the server has left this one."""
    idle = time.monotonic() - record.info.get(GIVEN_BACK, time.monotonic())
    if not _has_news(connection) and idle < SILENT_SECONDS:
        return
    try:
        connection.ping()
    except (Error, OSError) as error:
        raise InvalidatePoolError from error


def _has_news(connection: Any) -> bool:
    """Whether there is something to read though nothing was asked: the end of the connection, as a rule."""
    # The driver has no public name for it. A poll knows no highest number of a descriptor, as select() does.
    socket = connection._sock
    if socket is None:
        return True
    poll = select.poll()
    poll.register(socket, select.POLLIN)
    return bool(poll.poll(0))


def _end_transaction(connection: Any, record: object, state: Any) -> None:
    # The server says with every answer whether a transaction is under way.
    if not state.terminate_only and connection.server_status & SERVER_STATUS_IN_TRANS:
        connection.rollback()


def _note_end(connection: Any, record: Any) -> None:
    record.info[GIVEN_BACK] = time.monotonic()
