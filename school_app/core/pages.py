"""What surrounds every page: request ids, security headers, error pages, and the filters templates print with.

create_app() installs it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any, cast
from zoneinfo import ZoneInfo

import structlog
from flask import Flask, Response, current_app, g, has_request_context, render_template, request
from flask_login import current_user
from flask_wtf.csrf import CSRFError
from redis.exceptions import RedisError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException, InternalServerError
from werkzeug.sansio.response import Response as AnyResponse

from school_app.core import words
from school_app.core.acting import Acting, act_as
from school_app.core.charts import drawn
from school_app.core.db import db
from school_app.core.errors import DomainError, Forbidden, NotFound
from school_app.core.figures import Figure
from school_app.core.figures import percent as written_percent

log = structlog.get_logger()
RETRY_SECONDS = 10
SENTENCES = {
    400: "The request could not be read.",
    403: "Your account does not have the right to do this.",
    404: "There is no such page, or it is not yours to see.",
    405: "This address does not take that kind of request.",
    409: "Somebody else changed this meanwhile.",
    413: "The file is too large.",
    429: "Too many tries. Wait a minute and try again.",
    500: "Something went wrong on our side. It was recorded.",
    503: "Formroom cannot reach its data just now. Nothing you saved is lost; try again in a moment.",
}
Refusal = Callable[[int, str], None]


def init_app(app: Flask, on_refusal: Refusal) -> None:
    """Install the hooks; `on_refusal(status, sentence)` is called for each 403 and 404 of a person logged in."""
    app.before_request(_begin)
    app.after_request(_headers)
    app.extensions["formroom.on_refusal"] = on_refusal
    for kind in (DomainError, HTTPException, DBAPIError, PoolTimeout, RedisError, Exception):
        app.register_error_handler(kind, _error_page)
    for name, filter_ in FILTERS.items():
        app.add_template_filter(filter_, name)


def _begin() -> None:
    g.request_id = secrets.token_hex(8)
    g.csp_nonce = secrets.token_urlsafe(16)
    structlog.contextvars.bind_contextvars(request_id=g.request_id)
    act_as(db.session, Acting(actor_name="anonymous", ip=request.remote_addr, request_id=g.request_id))


def _headers(response: Response) -> Response:
    nonce = f"'nonce-{g.csp_nonce}'" if "csp_nonce" in g else ""
    static_url = current_app.config["FORMROOM"].static_url
    cdn = f" {static_url}" if static_url else ""
    response.headers["Content-Security-Policy"] = (
        # Scripts need no CDN named, as each has the nonce.
        f"default-src 'self'; script-src 'self' {nonce}; style-src 'self'{cdn}; img-src 'self' data:{cdn}; "
        f"font-src 'self'{cdn}; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["X-Frame-Options"] = "DENY"
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    if request.is_secure:
        response.headers["Strict-Transport-Security"] = "max-age=31536000"
    if "request_id" in g:
        response.headers["X-Request-Id"] = g.request_id
    return response


def _error_page(error: Exception) -> tuple[str, int, dict[str, str]] | AnyResponse:
    if isinstance(error, HTTPException) and error.code is not None and error.code < 400:
        return error.get_response()
    if isinstance(error, InternalServerError) and error.original_exception is not None:
        # What goes wrong after the view, as where the session is written, comes wrapped.
        return _error_page(cast(Exception, error.original_exception))
    status, sentence = _meaning(error)
    _roll_back()
    if status >= 500:
        log.error("request_failed", status=status, path=request.path, exc_info=error)
    elif status in (403, 404) and _logged_in():
        _report_refusal(status, sentence)
    headers = {"Retry-After": str(RETRY_SECONDS)} if status == 503 else {}
    if status == 429:
        headers["Retry-After"] = "60"
    if status == 503 and "account_id" not in g:
        # The page would ask once more who this is, and wait once more for what does not answer.
        return _bare(status, sentence), status, headers
    try:
        return render_template(_template(status), status=status, sentence=sentence), status, headers
    except Exception:
        log.exception("error_page_failed", status=status)
        return _bare(status, sentence), status, headers


def _bare(status: int, sentence: str) -> str:
    # Past Flask's render_template, whose context processors ask who this is.
    return current_app.jinja_env.get_template("errors/bare.html").render(status=status, sentence=sentence)


def _meaning(error: Exception) -> tuple[int, str]:
    if isinstance(error, Forbidden | NotFound):
        return error.status, SENTENCES[error.status]
    if isinstance(error, DomainError):
        return error.status, str(error)
    if isinstance(error, CSRFError):
        return (
            400,
            "This page was open for too long, so it was not sent. Go back, reload it and send it again.",
        )
    if isinstance(error, HTTPException) and error.code is not None:
        return error.code, SENTENCES.get(error.code, SENTENCES[400])
    if isinstance(error, PoolTimeout | RedisError) or _connection_lost(error):
        return 503, SENTENCES[503]
    return 500, SENTENCES[500]


# Gone away, lost, refused, shut down, too many connections, lock wait, deadlock, read-only, statement time limits.
_UNREACHABLE = {1040, 1053, 1205, 1213, 1290, 1836, 1969, 2002, 2003, 2006, 2013, 3024}


def _connection_lost(error: Exception) -> bool:
    if not isinstance(error, DBAPIError):
        return False
    arguments = getattr(error.orig, "args", ())
    return error.connection_invalidated or bool(arguments and arguments[0] in _UNREACHABLE)


def _roll_back() -> None:
    try:
        db.session.rollback()
    except DBAPIError as error:
        log.warning("rollback_failed", error=type(error.orig).__name__)
        db.session().invalidate()


def _logged_in() -> bool:
    try:
        return bool(current_user.is_authenticated)
    except (DBAPIError, PoolTimeout, RedisError):
        return False


def _report_refusal(status: int, sentence: str) -> None:
    current_app.extensions["formroom.on_refusal"](status, sentence)


def _template(status: int) -> str:
    return f"errors/{status}.html" if status in (400, 403, 404, 413, 429, 500, 503) else "errors/400.html"


def _local(moment: datetime) -> datetime:
    zone = getattr(g, "timezone", "UTC") if has_request_context() else "UTC"
    return moment.astimezone(ZoneInfo(zone))


def day(value: date | datetime | None) -> str:
    """3 May, for days near enough that their year is plain."""
    if value is None:
        return "–"
    value = _local(value) if isinstance(value, datetime) else value
    return f"{value.day} {value:%b}"


def full_day(value: date | datetime | None) -> str:
    """3 May 2026."""
    if value is None:
        return "–"
    return words.full_day(_local(value) if isinstance(value, datetime) else value)


def long_day(value: date | datetime | None) -> str:
    """Tuesday 17 May."""
    if value is None:
        return "–"
    value = _local(value) if isinstance(value, datetime) else value
    return f"{value:%A} {value.day} {value:%B}"


def clock_time(value: datetime | None) -> str:
    """8:12, at the school."""
    return "–" if value is None else f"{_local(value).hour}:{_local(value):%M}"


def moment(value: datetime | None) -> str:
    """3 May 2026, 8:12, at the school."""
    return "–" if value is None else f"{full_day(value)}, {clock_time(value)}"


def percent(value: Figure | None) -> str:
    """10.4 % of a share between 0 and 100; a dash where it is not known."""
    return "–" if value is None else written_percent(value)


def number(value: Decimal | int | None) -> str:
    """17.5 of 17.500, exact and without an exponent, as an input field takes it back; nothing where there is none."""
    return "" if value is None else f"{Decimal(value).normalize():f}"


FILTERS: dict[str, Callable[..., Any]] = {
    "day": day,
    "fullday": full_day,
    "longday": long_day,
    "clock": clock_time,
    "moment": moment,
    "percent": percent,
    "number": number,
    "drawn": drawn,
}
