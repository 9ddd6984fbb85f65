"""Copies of pages: how Redis keeps them, and those that a process has just served.

core.fragments alone uses it.
"""

from __future__ import annotations

import json
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence

from school_app.core.cache import NEAR_SECONDS
from school_app.core.slots import VALUES, Copy

MOST_NEAR = 256


class Near:
    """The copies that this process has just served, for two seconds."""

    def __init__(self) -> None:
        self._copies: OrderedDict[str, tuple[float, Copy]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: str) -> Copy | None:
        """The copy of a key, where there is one that is young enough."""
        with self._lock:
            until, copy = self._copies.get(key, (0.0, None))
        return copy if time.monotonic() < until else None

    def put(self, key: str, copy: Copy) -> None:
        """Keep a copy that is right now; the one that was kept longest goes."""
        with self._lock:
            self._copies[key] = (time.monotonic() + NEAR_SECONDS, copy)
            self._copies.move_to_end(key)
            while len(self._copies) > MOST_NEAR:
                self._copies.popitem(last=False)

    def forget(self, beginning: str = "") -> None:
        """Forget those whose keys begin so."""
        with self._lock:
            for key in [key for key in self._copies if key.startswith(beginning)]:
                del self._copies[key]


def written(copy: Copy, versions: Sequence[bytes]) -> bytes:
    """A copy as Redis keeps it: a line of JSON that says how long each piece is, then the pieces."""
    head = {
        "versions": [one.decode() for one in versions],
        "sizes": [len(text) for text in copy.texts],
        "slots": list(copy.slots),
    }
    return b"".join((json.dumps(head, separators=(",", ":")).encode(), b"\n", *copy.texts))


def read(kept: bytes, versions: int) -> tuple[Copy, list[bytes]]:
    """A copy and the versions it was made of. Raises ValueError, KeyError, TypeError or AttributeError for rubbish."""
    head, _, body = kept.partition(b"\n")
    said = json.loads(head)
    then, sizes, slots = [one.encode() for one in said["versions"]], said["sizes"], said["slots"]
    if len(then) != versions or len(sizes) != len(slots) + 1 or sum(sizes) != len(body):
        raise ValueError("its parts are not as long as it says")
    if unknown := set(slots) - VALUES.keys():
        raise ValueError(f"it has slots that nothing fills: {unknown}")
    return Copy(list(_pieces(body, sizes)), slots), then


def _pieces(body: bytes, sizes: Sequence[int]) -> Iterator[bytes]:
    start = 0
    for size in sizes:
        yield body[start : start + size]
        start += size
