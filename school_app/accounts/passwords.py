"""Passwords: what is accepted, how they are kept, and how they are checked in equal time.

accounts/ alone uses it.
"""

from __future__ import annotations

from functools import cache

from argon2 import PasswordHasher, profiles
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError
from flask import Flask, current_app

from school_app.core.errors import DomainError

SHORTEST = 10
LONGEST = 200
# Words that lists of leaked passwords begin with, and what stands around the product.
COMMON = ("password", "passw0rd", "1234567890", "qwertyuiop", "formroom", "letmein", "iloveyou", "football")
EXTENSION = "formroom.password_hasher"


class BadPassword(DomainError):
    """A new password that is not accepted; str() says what to do instead."""


def init_app(app: Flask, *, testing: bool) -> None:
    """Choose argon2id's parameters: the library's own defaults, or the cheapest in tests."""
    app.extensions[EXTENSION] = PasswordHasher.from_parameters(profiles.CHEAPEST) if testing else PasswordHasher()


def _hasher() -> PasswordHasher:
    found: PasswordHasher = current_app.extensions[EXTENSION]
    return found


def hashed(password: str) -> str:
    """The argon2id hash to keep."""
    return _hasher().hash(password)


def matches(stored: str | None, password: str) -> bool:
    """Whether a password is the stored one; without a stored one the same work is done, so that time tells nothing."""
    hasher = _hasher()
    try:
        hasher.verify(stored or _stand_in(hasher), password[:LONGEST])
    except (VerifyMismatchError, VerificationError, InvalidHashError):
        return False
    return stored is not None


def is_outdated(stored: str) -> bool:
    """Whether a hash was made with other parameters than are used now."""
    return _hasher().check_needs_rehash(stored)


@cache
def _stand_in(hasher: PasswordHasher) -> str:
    return hasher.hash("nobody has this password")


def check_new(password: str, *, login: str, name: str) -> None:
    """Raise BadPassword unless a new password is long enough and not one that anybody would try first."""
    if len(password) < SHORTEST:
        raise BadPassword(f"New password: use {SHORTEST} characters or more, such as four words.")
    if len(password) > LONGEST:
        raise BadPassword(f"New password: use {LONGEST} characters at most.")
    plain = password.casefold()
    own = [part for part in (login.casefold(), *name.casefold().split()) if len(part) > 2]
    if any(word in plain for word in COMMON) or any(plain in (part, part * 2) for part in own) or len(set(plain)) < 5:
        raise BadPassword("New password: this one is easy to guess; use four words that do not belong together.")
