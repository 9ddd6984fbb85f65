"""The first page of a form's master while Redis, a process or the page itself fails, and while another makes it."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from school_app.core import fragments
from school_app.students.models import Student
from tests.factories import TwoSchools
from tests.fragments.changes import rename_student, reword_alert
from tests.fragments.kept import down, just_wrote, without_own
from tests.visits import long_after_writing


def test_with_rubbish_in_redis_the_page_comes_from_the_database(
    master: FlaskClient, store: fragments.Fragments, made: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    good = without_own(master.get("/").text)
    [key] = store._redis.scan_iter("s:*:home:*")
    kept = store._redis.get(key)
    for rubbish in (
        b"",
        b"{}",
        b"not json\nx",
        kept[:-9],
        kept.replace(b'"sizes":[', b'"sizes":[7,'),
        kept.replace(b'"nonce"', b'"other"'),
        b"[1]\nx",
        b"\xff\n",
    ):
        store._redis.set(key, rubbish)
        store.near.forget()
        assert without_own(master.get("/").text) == good, rubbish
    assert len(made) == 8
    assert "fragment_unreadable" in capsys.readouterr().err


def test_without_redis_the_page_comes_from_the_database(
    master: FlaskClient,
    store: fragments.Fragments,
    monkeypatch: pytest.MonkeyPatch,
    made: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    good = without_own(master.get("/").text)
    store.near.forget()
    monkeypatch.setattr(store._redis, "mget", down)
    assert without_own(master.get("/").text) == good
    assert without_own(master.get("/").text) == good
    # The second time it is not even asked.
    assert capsys.readouterr().err.count('"fragments_unreachable"') == 1
    assert made == ["home"] * 2


def test_a_change_that_redis_was_not_told_of_is_told_before_anything_is_believed_of_it(
    master: FlaskClient,
    store: fragments.Fragments,
    session: Any,
    two_schools: TwoSchools,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    master.get("/")

    with monkeypatch.context() as patch:
        patch.setattr(store._redis, "pipeline", down)
        patch.setattr(store._redis, "unlink", down)
        rename_student(session, two_schools.ours)
        session.commit()
        assert "Changed" in master.get("/").text
    store._rests_until = 0.0
    assert "Changed" in master.get("/").text
    assert not store._owed


def test_a_process_that_dies_between_commit_and_its_word_leaves_no_wrong_page(
    master: FlaskClient,
    store: fragments.Fragments,
    session: Any,
    two_schools: TwoSchools,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(fragments.Fragments, "raise_", lambda store, versions: None)
        rename_student(session, two_schools.ours)
        session.commit()
    store.near.forget()
    assert "Changed" in master.get("/").text
    # As when the minute is over in which nothing is kept.
    for key in store._redis.scan_iter("s:*:v:*"):
        if (store._redis.get(key) or b"").startswith(b"~"):
            store._redis.delete(key)
    assert "Changed" in master.get("/").text


def test_while_one_makes_the_page_others_get_the_old_one_unless_they_wrote_or_may_no_longer_see_it(
    master: FlaskClient, store: fragments.Fragments, session: Any, two_schools: TwoSchools, made: list[str]
) -> None:
    ours = two_schools.ours
    [key] = store._redis.scan_iter("s:*:home:*")
    store._redis.set(key + b":making", b"1", px=60_000)
    reword_alert(session, ours)
    session.commit()
    assert "Changed" not in master.get("/").text
    assert made == []
    just_wrote(master)
    assert "Changed" in master.get("/").text
    long_after_writing(master)
    assert made == ["home"]
    session.get_one(Student, ours.student.id).family_name = "Strictly"
    session.commit()
    assert "Strictly" in master.get("/").text


def test_a_page_that_fails_lets_go_of_its_claim(
    master: FlaskClient,
    store: fragments.Fragments,
    session: Any,
    two_schools: TwoSchools,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from school_app.dashboards import home

    reword_alert(session, two_schools.ours)
    session.commit()

    def fail(*args: object, **kwargs: object) -> None:
        raise RuntimeError("broken")

    with monkeypatch.context() as patch:
        patch.setattr(home, "home", fail)
        assert master.get("/").status_code == 500
    assert not list(store._redis.scan_iter("*:making"))
    assert "Changed" in master.get("/").text
