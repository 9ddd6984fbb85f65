"""What each request costs: its statements, its time in the database and its whole time; and what else is counted of it.

create_app() puts Measured around everything; whoever wants something counted calls note().
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog
from flask import Flask, Response, request

from school_app.core.static_files import is_static

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = structlog.get_logger()
# The endpoint of a request for an address that there is not.
NOWHERE = "none"


@dataclass(slots=True)
class Cost:
    """What one request has cost so far. Times are seconds; `began` is of the clock of time.perf_counter().

    `database` is the time in which statements ran and their rows came, without commits and the wait for a connection.
    `noted` says how often something happened, by what and which.
    """

    began: float
    endpoint: str = NOWHERE
    statements: int = 0
    slow: int = 0
    database: float = 0.0
    told_to_viewer: bool = False
    noted: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def seconds(self) -> float:
        """The time since the request began."""
        return time.perf_counter() - self.began


_present: ContextVar[Cost | None] = ContextVar("formroom.cost", default=None)


def present() -> Cost | None:
    """The cost of the request that is under way here; None outside of requests, as in jobs."""
    return _present.get()


def note(what: str, which: str = "") -> None:
    """Count that something happened in this request. Both words become labels: few different ones, and no names."""
    cost = _present.get()
    if cost is not None:
        cost.noted[what, which] += 1


def tell_viewer() -> None:
    """Have this request's answer say what it cost."""
    cost = _present.get()
    if cost is not None:
        cost.told_to_viewer = True


class Measured:
    """An application whose requests are measured from before anything is done to the start of the answer.

    `tell` takes a request's cost and status when it is over.
    """

    def __init__(self, application: WSGIApplication, tell: Callable[[Cost, int], None]) -> None:
        self._application = application
        self._tell = tell

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        # Threads serve many requests: what the one before has bound to the log is not this one's.
        structlog.contextvars.clear_contextvars()
        cost, status = Cost(time.perf_counter()), 500

        def start(line: str, *rest: object) -> object:
            nonlocal status
            status = int(line[:3])
            return start_response(line, *rest)  # type: ignore[arg-type]

        token = _present.set(cost)
        try:
            return self._application(environ, start)  # type: ignore[arg-type]
        finally:
            _present.reset(token)
            _log(cost, str(environ["REQUEST_METHOD"]), status)
            self._tell(cost, status)


def _log(cost: Cost, method: str, status: int) -> None:
    # No address: one of a search holds a student's name.
    say = log.debug if is_static(cost.endpoint) else log.info
    say(
        "request",
        endpoint=cost.endpoint,
        method=method,
        status=status,
        milliseconds=_milliseconds(cost.seconds),
        statements=cost.statements,
        database_milliseconds=_milliseconds(cost.database),
    )


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 1)


def init_app(app: Flask, tell: Callable[[Cost, int], None]) -> None:
    """Measure the app's requests; before every other hook, so that no other's time is left out."""
    app.before_request(_name_endpoint)
    app.after_request(_say)
    app.wsgi_app = Measured(app.wsgi_app, tell)  # type: ignore[method-assign]


def _name_endpoint() -> None:
    cost = _present.get()
    if cost is not None and request.endpoint is not None:
        cost.endpoint = request.endpoint
        structlog.contextvars.bind_contextvars(endpoint=request.endpoint)


def _say(response: Response) -> Response:
    cost = _present.get()
    if cost is not None and cost.told_to_viewer:
        database, total = _milliseconds(cost.database), _milliseconds(cost.seconds)
        response.headers["Server-Timing"] = f'db;dur={database};desc="{cost.statements} statements", total;dur={total}'
    return response
