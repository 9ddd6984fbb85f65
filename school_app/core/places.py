"""Where a page is kept, and whether what is kept there is right: its key, and the versions that it is made of.

core.fragments uses it; features name their places.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

from school_app.core.cache import school_key
from school_app.core.slots import Copy
from school_app.core.topics import is_strict
from school_app.core.touched import EVERY_PAGE, EVERY_SCHOOL, Versions

ROOT = Path(__file__).resolve().parents[2]
# In Redis a page is kept for no longer, so that a change that nobody was told of does not stay unseen.
KEPT_SECONDS = 1800
# What a version begins with from shortly before a commit until it is raised after it.
CHANGING = b"~"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page is kept: its name, which is also its label in the metrics, its school, what tells it from others
    of its name, the versions that it is made of (core.topics), and how long it is kept at most."""

    name: str
    school_id: int
    apart: tuple[object, ...]
    made_of: tuple[str, ...]
    seconds: int = KEPT_SECONDS

    def key(self, static_url: str | None) -> str:
        """Its key; pages of another release, or that take their static files from elsewhere, have others."""
        return school_key(self.school_id, self.name, release(), static_url, *self.apart)

    @property
    def versions(self) -> list[str]:
        """The keys of its versions, that of everything first."""
        return [version_key(EVERY_SCHOOL, EVERY_PAGE), *(version_key(self.school_id, one) for one in self.made_of)]


@dataclass(frozen=True, slots=True)
class Seen:
    """What Redis said: the versions as they are now, the copy and those it was made of, if there is one."""

    now: Sequence[bytes | None]
    copy: Copy | None = None
    then: Sequence[bytes] = ()

    @property
    def is_fresh(self) -> bool:
        """Whether nothing that the copy shows has changed since it was made."""
        return self.copy is not None and list(self.now) == list(self.then)

    @property
    def is_changing(self) -> bool:
        """Whether somebody is changing what the page shows, so that one made now may be wrong in a moment."""
        return any(one is not None and one.startswith(CHANGING) for one in self.now)

    def may_be_shown(self, place: Place) -> bool:
        """Whether a copy that is no longer fresh may be shown while another is made: nothing has changed by which
        somebody may no longer see it."""
        if self.copy is None:
            return False
        strict = [True, *(is_strict(name) for name in place.made_of)]
        return all(not ask or now == then for ask, now, then in zip(strict, self.now, self.then, strict=True))


@cache
def release() -> str:
    """A word for the program and its templates as they are: a page of another release is not this one's."""
    digest = sha256()
    for folder, ending in (("school_app", "*.py"), ("templates", "*.html"), ("static", "*.*")):
        for path in sorted((ROOT / folder).rglob(ending)):
            if "__pycache__" not in path.parts and path.is_file():
                digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def version_key(school_id: int, name: str) -> str:
    return f"s:{school_id}:v:{name}"


def version_keys(versions: Versions) -> list[str]:
    return [version_key(school_id, name) for school_id, names in versions.items() for name in sorted(names)]
