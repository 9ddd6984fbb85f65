"""The first page of a form's master is right after every change, and of no other than what concerns it."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis

from school_app.config import Settings
from school_app.core import fragments
from school_app.core.tenancy import use_school
from school_app.students.models import Note, Student
from tests.factories import TwoSchools
from tests.fragments.changes import CHANGES, rename_student
from tests.fragments.kept import just_wrote
from tests.visits import long_after_writing


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_shows_in_the_next_page_of_who_looks(
    master: FlaskClient, session: Any, two_schools: TwoSchools, name: str
) -> None:
    assert "Changed" not in master.get("/").text
    CHANGES[name](session, two_schools.ours)
    session.commit()
    assert "Changed" in master.get("/").text


@pytest.mark.parametrize("name", ["an alert", "the register", "a student's name"])
def test_a_change_shows_in_another_process_after_its_two_seconds_and_at_once_to_who_has_written(
    settings: Settings, app: Flask, master: FlaskClient, session: Any, two_schools: TwoSchools, name: str
) -> None:
    other = fragments.Fragments(Redis.from_url(str(settings.redis_url)), None)
    assert "Changed" not in master.get("/").text
    # The other process has served the page just now.
    app.extensions["formroom.fragments"], own = other, app.extensions["formroom.fragments"]
    try:
        assert "Changed" not in master.get("/").text
        CHANGES[name](session, two_schools.ours)
        session.commit()
        assert "Changed" not in master.get("/").text
        just_wrote(master)
        assert "Changed" in master.get("/").text
        long_after_writing(master)
        other.near.forget()
        assert "Changed" in master.get("/").text
    finally:
        app.extensions["formroom.fragments"] = own


def test_a_change_that_is_rolled_back_leaves_the_page_and_lets_it_be_kept(
    master: FlaskClient, session: Any, two_schools: TwoSchools, made: list[str]
) -> None:
    rename_student(session, two_schools.ours)
    session.flush()
    session.rollback()
    assert "Changed" not in master.get("/").text
    assert made == []


def test_changes_of_another_form_or_school_leave_a_page_as_it_is(
    master: FlaskClient, session: Any, two_schools: TwoSchools, made: list[str]
) -> None:
    ours, theirs = two_schools.ours, two_schools.theirs
    own, other, foreign, school_id = ours.student.id, ours.students[4].id, theirs.student.id, theirs.school.id
    session.add(Note(student_id=other, body="x", author_id=ours.head.id, author_name="H"))
    session.commit()
    master.get("/")
    assert made == []
    with use_school(session, school_id):
        session.get_one(Student, foreign).family_name = "Changed"
    session.commit()
    master.get("/")
    assert made == []
    session.get_one(Student, own).given_name = "Ours"
    session.commit()
    master.get("/")
    assert made == ["home"]
