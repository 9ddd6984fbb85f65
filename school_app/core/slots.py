"""Slots of a kept page: what is each request's own is put in when the page is served, and never kept.

create_app() gives templates the functions that print them; core.fragments cuts and fills.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Flask, current_app, g, get_flashed_messages
from flask import session as browser_session
from flask_wtf.csrf import generate_csrf
from markupsafe import Markup

from school_app.core.fingerprint import new_once


class OwnInCopy(RuntimeError):
    """A page that would be kept holds a request's own token or nonce; a fault of the program."""


@dataclass(slots=True)
class _Cutting:
    """A page that is made to be kept: the word by which its slots are known, and when it is over at the latest."""

    mark: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Copy:
    """A page as it is kept: pieces of its text, as bytes, and the slot behind each but the last."""

    texts: Sequence[bytes]
    slots: Sequence[str]

    @property
    def size(self) -> int:
        """The bytes of its text."""
        return sum(map(len, self.texts))


_cutting: ContextVar[_Cutting | None] = ContextVar("formroom.cutting", default=None)


def good_until(moment: datetime) -> None:
    """Say of the page that is being made that it is right until a moment, by what a query has found."""
    present = _cutting.get()
    if present is not None and (present.until is None or moment < present.until):
        present.until = moment


def cut(make: Callable[[], str]) -> tuple[Copy, datetime | None]:
    """Make a page to be kept; with it the moment until which it is right, None where no clock changes it.

    Its slots are known by a word that nobody can guess, so that no text of a school can pass for one.
    """
    cutting = _Cutting(secrets.token_hex(16))
    token = _cutting.set(cutting)
    try:
        page = make()
    finally:
        _cutting.reset(token)
    if any(own in page for own in _own()):
        raise OwnInCopy("A page that would be kept holds this request's token or nonce; print them with the slots.")
    pieces = re.split(rf"\[{cutting.mark}:(\w+)\]", page)
    return Copy([text.encode() for text in pieces[::2]], pieces[1::2]), cutting.until


def fill(copy: Copy) -> bytes:
    """A kept page with what is this request's own."""
    found: list[bytes] = []
    known: dict[str, bytes] = {}
    for text, slot in zip(copy.texts, copy.slots, strict=False):
        found.append(text)
        if slot not in known or slot == ONCE:
            known[slot] = VALUES[slot]().encode()
        found.append(known[slot])
    found.append(copy.texts[-1])
    return b"".join(found)


def init_app(app: Flask) -> None:
    """Let templates print slots; after CSRFProtect, which gives them its own function."""
    printed = {name: _printed(slot) for slot, name in PRINTED.items()}
    app.jinja_env.globals.update(printed)
    app.context_processor(lambda: printed)


def _printed(slot: str) -> Callable[[], str]:
    def value() -> str:
        cutting = _cutting.get()
        return VALUES[slot]() if cutting is None else f"[{cutting.mark}:{slot}]"

    return value


def _own() -> list[str]:
    """What stands in no page that is kept, as far as this request has made it."""
    return [str(g.get(name)) for name in ("csrf_token", "csp_nonce") if g.get(name)]


def _nonce() -> str:
    return str(g.csp_nonce)


def _flashes() -> str:
    if "_flashes" not in browser_session:
        return ""
    template: Any = current_app.jinja_env.get_template("components/flashes.html")
    return Markup(template.render(messages=get_flashed_messages(with_categories=True)))  # noqa: S704 - as rendered.


ONCE = "once"
VALUES: dict[str, Callable[[], str]] = {"csrf": generate_csrf, "nonce": _nonce, "flashes": _flashes, ONCE: new_once}
# By which name templates print each.
PRINTED = {"csrf": "csrf_token", "nonce": "csp_nonce", "flashes": "flashes", ONCE: "new_once"}
