"""Students are found by the beginnings of their names, in the order of how well a name fits."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, select, update

from school_app.config import Settings
from school_app.core.db import db
from school_app.core.tenancy import use_school
from school_app.students.access import Reach
from school_app.students.models import NameEntry, Student
from school_app.students.name_index import BATCH, refresh_names, students_listed_wrongly
from school_app.students.queries import search_students
from tests.databases import app_of_its_own, embedded_app
from tests.factories import TwoSchools, added, school
from tests.visits import log_in

EVERYONE = Reach(everyone=True)


def pupils(session: Any, *names: str, **values: Any) -> list[Student]:
    """Students called so, "Given Family" or "Given|Family of several words"."""
    made = []
    for name in names:
        given, _, family = name.partition("|") if "|" in name else name.partition(" ")
        made.append(added(session, Student(given_name=given, family_name=family, **values)))
    refresh_names(session)
    return made


def found(session: Any, text: str, reach: Reach = EVERYONE, limit: int = 50) -> list[str]:
    return [one.name for one in search_students(session, reach, text, limit=limit)]


@pytest.mark.parametrize(
    "text",
    ["mul", "Mül", "MULLER", "muller anna", "anna müller", "a mul", "Anna-Maria", "maria m", "mar ann mul", "m"],
)
def test_a_name_is_found_by_beginnings_of_its_words_in_any_order(
    session: Any, two_schools: TwoSchools, text: str
) -> None:
    pupils(session, "Anna Maria|Müller", "Bob Stone")
    assert found(session, text) == ["Anna Maria Müller"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Ann O'Brien", "o'brien"),
        ("Ann O’Brien", "OBrien"),
        ("Ann O'Brien", "o brien"),
        ("Ann O'Brien", "brien ann"),
        ("Jean-Luc Picard", "jean luc"),
        ("Jean Luc|Picard", "jean-luc"),
        ("Jan|van der Berg", "van der berg"),
        ("Jan|van der Berg", "berg jan"),
        ("小明 王", "王小明"),
        ("小明 王", "王 小明"),
        ("小明 王", "王"),
        ("민준 김", "김민"),
        ("Søren Weiß", "weiss soren"),
    ],
)
def test_signs_and_scripts_do_not_hide_a_name(session: Any, two_schools: TwoSchools, name: str, text: str) -> None:
    pupils(session, name)
    assert found(session, text) == [name.replace("|", " ")]


@pytest.mark.parametrize("text", ["", " ", "%", "_", "\\", "'", "%_%", "üller", "mul x", "m%r", "zz"])
def test_what_no_name_begins_with_finds_nobody(session: Any, two_schools: TwoSchools, text: str) -> None:
    pupils(session, "Anna Müller")
    assert found(session, text) == []


def test_a_whole_word_comes_before_family_names_given_names_and_names_inside(
    session: Any, two_schools: TwoSchools
) -> None:
    pupils(session, "Xaver|Zed Marton", "Martina Adler", "Uwe Martens", "Zoe Mart", "Mart Young")
    assert found(session, "mart") == ["Mart Young", "Zoe Mart", "Uwe Martens", "Martina Adler", "Xaver Zed Marton"]


def test_leavers_come_last_among_those_whose_names_fit_as_well(session: Any, two_schools: TwoSchools) -> None:
    pupils(session, "Left Marten", "Left Mart", is_active=False)
    pupils(session, "Here Martens", "Here Mart")
    assert found(session, "mart") == ["Here Mart", "Left Mart", "Here Martens", "Left Marten"]


@pytest.mark.parametrize("limit", [1, 3, 5])
def test_those_who_fit_best_are_shown_however_many_fit(session: Any, two_schools: TwoSchools, limit: int) -> None:
    pupils(session, *(f"Martin{number:02} Adler" for number in range(8)), *(f"Ann Mart0{letter}" for letter in "cab"))
    whole = found(session, "mart")
    assert whole[:4] == ["Ann Mart0a", "Ann Mart0b", "Ann Mart0c", "Martin00 Adler"]
    assert found(session, "mart", limit=limit) == whole[:limit]


def test_a_student_is_shown_once_whichever_of_their_names_fits(session: Any, two_schools: TwoSchools) -> None:
    pupils(session, "Anna Annan-Annas", "Annika Zander")
    assert found(session, "ann", limit=2) == ["Anna Annan-Annas", "Annika Zander"]


def test_only_students_in_reach_are_found(session: Any, two_schools: TwoSchools) -> None:
    ours = two_schools.ours
    here, taught = pupils(session, "Mara Muller", "Milo Muller")
    pupils(session, "Nora Muller")
    here.form_id = ours.form.id
    session.flush()
    reach = Reach(form_ids=frozenset({ours.form.id}), taught_ids=frozenset({taught.id}))
    assert found(session, "mul", reach) == ["Mara Muller", "Milo Muller"]
    assert found(session, "mul", Reach()) == []


def test_a_student_of_another_school_is_not_found(session: Any, two_schools: TwoSchools) -> None:
    with use_school(session, two_schools.theirs.school.id):
        pupils(session, "Anna Müller")
        assert found(session, "mul") == ["Anna Müller"]
    assert found(session, "mul") == []


def test_the_index_is_written_once_and_follows_every_change(session: Any, two_schools: TwoSchools) -> None:
    anna, bob = pupils(session, "Anna Müller", "Bob Stone")
    assert refresh_names(session) == 0
    anna.family_name, bob.is_active = "Maier", False
    session.flush()
    assert students_listed_wrongly(session) == 2
    assert refresh_names(session) == 2
    assert (found(session, "mul"), found(session, "mai")) == ([], ["Anna Maier"])
    assert students_listed_wrongly(session) == 0


def test_entries_that_were_lost_or_bent_are_mended(session: Any, two_schools: TwoSchools) -> None:
    anna, bob = pupils(session, "Anna Müller", "Bob Stone")
    session.execute(delete(NameEntry).where(NameEntry.student_id == anna.id))
    session.execute(update(NameEntry).where(NameEntry.student_id == bob.id).values(is_active=False))
    assert refresh_names(session) == 2
    assert found(session, "mul") == ["Anna Müller"]


def test_more_students_than_one_batch_are_listed(
    session: Any, two_schools: TwoSchools, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("school_app.students.name_index.BATCH", 3)
    assert BATCH > 3
    pupils(session, *(f"Ann Mart{number}" for number in range(10)))
    assert len(found(session, "mart")) == 10
    assert students_listed_wrongly(session) == 0


def test_the_names_of_a_student_who_is_erased_are_gone(session: Any, two_schools: TwoSchools) -> None:
    (anna,) = pupils(session, "Anna Müller")
    session.delete(anna)
    session.flush()
    assert session.scalars(select(NameEntry).where(NameEntry.name.startswith("muller"))).all() == []


@pytest.mark.parametrize("text", ["m", "mul", "x" * 200, "a b c d e f g h i j k l m n o p", "王"])
def test_a_search_is_one_statement(session: Any, two_schools: TwoSchools, statements: list[str], text: str) -> None:
    pupils(session, "Anna Müller")
    statements.clear()
    found(session, text)
    assert len(statements) == 1


def test_one_letter_finds_students_on_the_page(client: Any, session: Any, two_schools: TwoSchools) -> None:
    (anna,) = pupils(session, "Ängla Öst")
    anna.form_id = two_schools.ours.form.id
    session.commit()
    log_in(client, two_schools.ours.form_master)
    assert "Ängla Öst" in client.get("/search?q=o").text
    assert "Type the beginning of a name" in client.get("/search?q=").text
    assert "Nothing you may see begins with" in client.get("/search?q=%25").text


def test_the_embedded_database_finds_the_same(settings: Settings, tmp_path: Any) -> None:
    with embedded_app(settings, tmp_path) as app, app.app_context():
        made = _school_of_its_own(db.session)
        with use_school(db.session, made):
            pupils(db.session, "Anna Müller", "Martina Adler", "Zoe Mart", "Uwe Martens")
            assert found(db.session, "mul") == ["Anna Müller"]
            assert found(db.session, "MART", limit=2) == ["Zoe Mart", "Uwe Martens"]


def _school_of_its_own(session: Any) -> int:
    return int(school(session, "embedded", name="Embedded").id)


def test_the_command_lists_names_and_tells_what_is_wrong(settings: Settings) -> None:
    with app_of_its_own(settings, "names") as app:
        with app.app_context():
            made = _school_of_its_own(db.session)
            with use_school(db.session, made):
                added(db.session, Student(given_name="Anna", family_name="Müller"))
            db.session.commit()
        assert _run(app, "--check") == (1, "embedded: 1 students are listed wrongly")
        assert _run(app) == (0, "embedded: 1 students listed anew")
        assert _run(app, "--check", "--school", "embedded") == (0, "embedded: 0 students are listed wrongly")
        assert _run(app, "--school", "nowhere")[0] == 1


def _run(app: Flask, *arguments: str) -> tuple[int, str]:
    with app.app_context():
        done = app.test_cli_runner().invoke(args=["students", "names", *arguments])
    return done.exit_code, done.output.splitlines()[0]
