"""Errors that mean something to the person at the screen; one handler maps each to a page.

Services and queries raise them; routes let them pass.
"""

from __future__ import annotations


class DomainError(Exception):
    """A request that cannot be carried out; str() is a sentence fit for the page, with the remedy."""

    status = 400


class NotFound(DomainError):
    """No such thing for this person: absent, another school's, or out of reach look the same."""

    status = 404

    def __init__(self, what: str = "page") -> None:
        super().__init__(f"There is no such {what}, or it is not yours to see.")


class Forbidden(DomainError):
    """The person may know that the page exists, but may not use it."""

    status = 403

    def __init__(self) -> None:
        super().__init__("Your account does not have the right to do this.")


class Conflict(DomainError):
    """Somebody else was faster, or the thing is no longer in the state the page showed."""

    status = 409
