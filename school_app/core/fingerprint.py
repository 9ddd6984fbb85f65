"""What a page showed, as a short digest that its form sends back: two people do not overwrite each other unseen.

Queries make one of the rows they show; services compare it with one of the rows that stand now.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from typing import Any

from school_app.core.db.columns import plain

LENGTH = 32


def fingerprint(*parts: Any) -> str:
    """The digest of some values that JSON can hold; equal values have equal digests."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), default=plain)
    return hashlib.sha256(text.encode()).hexdigest()[:LENGTH]


def new_once() -> str:
    """A name for what a form is about to make, so that sending the form twice makes one thing."""
    return f"web-{secrets.token_hex(LENGTH // 2)}"


def is_once(text: str) -> bool:
    """Whether a text that a form sent is such a name."""
    head, _, token = text.partition("-")
    return head == "web" and len(token) == LENGTH and set(token) <= set("0123456789abcdef")


def once_of(text: str, *said: Any) -> str | None:
    """What is kept beside a thing that a form made, to find it when the form is sent again; None without such a name.

    The same form with other words in it, as after going back, makes another thing.
    """
    return fingerprint(text, *said) if is_once(text) else None
