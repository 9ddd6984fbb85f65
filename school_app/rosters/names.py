"""Names that the database takes for the same, and names that nobody has yet.

The parts of an import use it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from itertools import count

LONGEST_FORM = 80
LONGEST_LOGIN = 90


def folded(name: str) -> str:
    """A name without case and accents: two that fold to the same are the same to every server's collation."""
    plain = unicodedata.normalize("NFKD", name.casefold())
    return "".join(one for one in plain if unicodedata.category(one) not in ("Mn", "Cf")).rstrip()


def form_names(wanted: Mapping[str, tuple[int, str]], taken: Iterable[tuple[int, str]]) -> dict[str, str]:
    """The names of homerooms by their ids, from years and titles: numbered where a year has the same one twice."""
    used = {(year, folded(name)) for year, name in taken}
    last: dict[tuple[int, str], int] = {}
    found: dict[str, str] = {}
    for sourced_id, (year, title) in sorted(wanted.items()):
        place = (year, folded(title[:LONGEST_FORM]))
        for number in count(last.get(place, 0) + 1):
            name = title[:LONGEST_FORM] if number == 1 else f"{title[: LONGEST_FORM - 8]} ({number})"
            if (year, folded(name)) not in used:
                break
        last[place] = number
        used.add((year, folded(name)))
        found[sourced_id] = name
    return found


def free_login(name: str, slug: str, taken: Collection[str]) -> str:
    """A log-in for somebody at a school, made of what the roster calls them; numbered where it is taken."""
    plain = re.sub(r"[^a-z0-9._-]+", ".", folded(name))[:LONGEST_LOGIN].strip("._-") or "staff"
    for number in count(1):
        login = f"{plain}{'' if number == 1 else number}@{slug}"
        if login not in taken:
            break
    return login
