"""Names are folded so that whoever types them without accents, signs or capitals finds them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from school_app.students.spelling import LONGEST_ENTRY, Entry, Part, entries, searched, words


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Müller", ["muller"]),
        ("WEISSMANN Weißmann", ["weissmann", "weissmann"]),
        ("Søren Łęcki", ["soren", "lecki"]),
        ("Jean-Luc", ["jean", "luc"]),
        ("O’Brien", ["obrien"]),
        ("O'BRIEN", ["obrien"]),
        ("İbrahim Işık", ["ibrahim", "isik"]),
        ("J.\N{NO-BREAK SPACE}P.", ["j", "p"]),
        ("soft\N{SOFT HYPHEN}hyphen", ["softhyphen"]),
        ("王小明", ["王小明"]),
        ("हिन्दी", ["हिनदी"]),
        ("% _ \\ !", []),
        ("", []),
    ],
)
def test_a_text_is_folded_word_by_word(text: str, folded: list[str]) -> None:
    assert words(text) == folded


def test_a_name_is_listed_from_each_of_its_words_on() -> None:
    assert entries("Jean-Luc", None, "van Damme") == {
        Entry(Part.FAMILY, "van damme jean luc"),
        Entry(Part.INSIDE, "damme jean luc van"),
        Entry(Part.GIVEN, "jean luc van damme"),
        Entry(Part.INSIDE, "luc van damme jean"),
    }


def test_what_follows_an_apostrophe_is_found_as_well() -> None:
    assert Entry(Part.INSIDE, "brien obrien ann") in entries("Ann", None, "O'Brien")


def test_a_middle_name_stands_inside() -> None:
    assert Entry(Part.INSIDE, "marie muller anna") in entries("Anna", "Marie", "Müller")


def test_names_of_scripts_without_spaces_are_found_without_one() -> None:
    assert entries("小明", None, "王") == {Entry(Part.FAMILY, "王小明"), Entry(Part.GIVEN, "小明 王")}


def test_a_word_that_a_name_has_twice_is_listed_once() -> None:
    assert entries("Anna", None, "Anna") == {Entry(Part.FAMILY, "anna anna")}


def test_a_person_of_one_name_is_listed_by_it() -> None:
    assert entries("Suharto", None, "") == {Entry(Part.GIVEN, "suharto")}
    assert entries("", None, "Suharto") == {Entry(Part.FAMILY, "suharto")}


def test_the_longest_word_leads_a_search() -> None:
    found = searched("an Mül")
    assert found is not None
    assert (found.first, found.others) == ("mul", ("an",))


def test_a_text_of_signs_alone_searches_for_nothing() -> None:
    assert searched(" %_'- ") is None


@given(st.text(max_size=120), st.none() | st.text(max_size=120), st.text(max_size=120))
def test_every_name_is_listed_in_words_that_are_folded_already(first: str, middle: str | None, family: str) -> None:
    for one in entries(first, middle, family):
        assert 0 < len(one.name) <= LONGEST_ENTRY
        assert one.name == one.name.strip()
        assert " ".join(words(one.name))[:LONGEST_ENTRY] == one.name
