"""How names are compared in a search: in small letters, without accents, word by word. Data in, data out.

students.name_index keeps what entries() says of each student, and students.queries asks for what searched() says; the
migration that made the index and demo.generated ask here too.
"""

from __future__ import annotations

import enum
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

# What an entry holds at most; a longer name is found by its beginning.
LONGEST_ENTRY = 400
# A search looks at so many of its words.
MOST_WORDS = 8
APOSTROPHES = dict.fromkeys(map(ord, "’‘‛ʼʻʹ`´′＇"), "'")
# Letters that Unicode does not take apart, as readers without them on their keyboard type them.
LETTERS = str.maketrans(
    {"ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ħ": "h", "ŧ": "t", "ŋ": "n", "ı": "i"}
)
# Korean syllables taken apart; Han, kana and their neighbours: scripts whose names are written without a space.
UNSPACED = re.compile(r"[\u1100-\u11ff\u2e80-\ua4cf\U00020000-\U0003ffff]+")


class Part(enum.IntEnum):
    """Where in a name a word stands, in the order in which a search shows students."""

    FAMILY = 1
    GIVEN = 2
    INSIDE = 3


@dataclass(frozen=True, slots=True)
class Entry:
    """A whole name that begins with one of its words and goes on as in a ring: "muller anna", "anna muller"."""

    part: Part
    name: str


@dataclass(frozen=True, slots=True)
class Searched:
    """Words to search for: the longest, with which an entry has to begin, and those with which others of it have to."""

    first: str
    others: tuple[str, ...]


def words(text: str) -> list[str]:
    """The words of a text in small letters without accents; an apostrophe is left out, other signs part words."""
    return [word for one in _pieces(text) if (word := one.replace("'", ""))]


def searched(text: str) -> Searched | None:
    """What to search for, or None where a text has no letter and no digit."""
    typed = words(text)[:MOST_WORDS]
    if not typed:
        return None
    first = max(range(len(typed)), key=lambda place: len(typed[place]))
    return Searched(typed[first], tuple(word for place, word in enumerate(typed) if place != first))


def entries(given: str, middle: str | None, family: str) -> set[Entry]:
    """Every entry of a name: one for each word, and one for what follows an apostrophe."""
    families, givens = words(family), words(given)
    ring = [*families, *givens, *words(middle or "")]
    if _is_unspaced(families, givens):
        found = {_entry(Part.FAMILY, families[0] + givens[0], *ring[2:])}
    else:
        found = {_entry(Part.FAMILY, *ring)} if families else set()
    for place in range(1 if families else 0, len(ring)):
        part = Part.GIVEN if place == len(families) and givens else Part.INSIDE
        found.add(_entry(part, *ring[place:], *ring[:place]))
    found |= {_entry(Part.INSIDE, tail, *ring) for tail in _tails(f"{family} {given}")}
    best: dict[str, Entry] = {}
    for one in sorted(found, key=lambda entry: entry.part):
        best.setdefault(one.name, one)
    return set(best.values())


def _entry(part: Part, *ring: str) -> Entry:
    return Entry(part, " ".join(ring)[:LONGEST_ENTRY].rstrip())


def _is_unspaced(families: list[str], givens: list[str]) -> bool:
    if len(families) != 1 or len(givens) != 1:
        return False
    return all(UNSPACED.fullmatch(word) for word in (families[0], givens[0]))


def _tails(text: str) -> Iterator[str]:
    for one in _pieces(text):
        yield from [tail for tail in one.split("'")[1:] if tail]


def _pieces(text: str) -> list[str]:
    """The words of a text, folded, with their apostrophes."""
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text.translate(APOSTROPHES)).casefold()
        text = unicodedata.normalize("NFKD", text).translate(LETTERS)
        return "".join(map(_folded, text)).split()
    return "".join(one if one.isalnum() or one == "'" else " " for one in text.casefold().replace("`", "'")).split()


def _folded(character: str) -> str:
    """A letter, digit or apostrophe as it is, nothing for an accent or an invisible sign, and a space for the rest."""
    if character.isalnum() or character == "'":
        return character
    kind = unicodedata.category(character)
    if unicodedata.combining(character) or kind == "Cf":
        return ""
    # Vowels of many scripts of India are signs that are no accents.
    return character if kind.startswith("M") else " "
