"""What tests of kept pages have in common."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from flask.testing import FlaskClient
from redis.exceptions import ConnectionError as RedisDown

from school_app.core.reading import WROTE


def without_own(page: str) -> str:
    """A page without what is each request's own."""
    return re.sub(r'(nonce|value)="[^"]*"', "", page)


def just_wrote(client: FlaskClient) -> None:
    """Let a browser be one whose person has written something just now."""
    with client.session_transaction() as kept:
        kept[WROTE] = datetime.now(UTC).isoformat()


def down(*args: object, **kwargs: object) -> Any:
    """Stand in for a command of Redis that gets no answer."""
    raise RedisDown("no answer")
