"""Names, log-ins and addresses that a roster writes oddly are kept, told apart, and the same the second time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as some
from sqlalchemy import func, select

from school_app.accounts.models import Account
from school_app.accounts.staff import LOGIN
from school_app.rosters.names import free_login
from school_app.schools.models import Form, Subject, YearGroup
from tests.rosters.bundles import school
from tests.rosters.imports import bring_in, changed


def names(session: Any, model: Any) -> list[str]:
    return list(session.scalars(select(model.name).order_by(model.name)))


def test_homerooms_of_one_name_are_told_apart_and_may_swap_names(session: Any, tmp_path: Path) -> None:
    rows = school()
    homeroom = rows["classes.csv"][0]
    rows["classes.csv"] += [
        {**homeroom, "sourcedId": "H-9B", "title": "9a"},
        {**homeroom, "sourcedId": "H-9C", "title": "9B"},
    ]
    outcome = bring_in(session, tmp_path, rows)
    assert names(session, Form) == ["9A", "9a (2)", "9B"]
    assert [str(one) for one in outcome.problems.warnings if "homeroom" in one.message] == [
        "classes.csv: More than one homeroom of the year is called '9a'. 'H-9B' is kept as '9a (2)'."
    ]
    assert bring_in(session, tmp_path, rows).differences == 0
    rows = changed(changed(rows, "classes.csv", "H-9A", title="9B"), "classes.csv", "H-9C", title="9A")
    bring_in(session, tmp_path, rows)
    assert dict(session.execute(select(Form.sourced_id, Form.name)).all()) == {
        "H-9A": "9B",
        "H-9B": "9a",
        "H-9C": "9A (2)",
    }
    assert bring_in(session, tmp_path, rows).differences == 0


def test_a_homeroom_whose_id_is_new_gets_a_name_beside_the_old_one(session: Any, tmp_path: Path) -> None:
    bring_in(session, tmp_path, school())
    rows = changed(school(), "classes.csv", "H-9A", sourcedId="H-NEW")
    for row in rows["enrollments.csv"]:
        row["classSourcedId"] = row["classSourcedId"].replace("H-9A", "H-NEW")
    bring_in(session, tmp_path, rows)
    assert names(session, Form) == ["9A", "9A (2)"]
    assert bring_in(session, tmp_path, rows).differences == 0


def test_a_subject_that_is_spelt_in_several_ways_is_one(session: Any, tmp_path: Path) -> None:
    rows = school()
    taught = rows["classes.csv"][1]
    for number, subject in enumerate(("MATHEMATICS", "Mathématics", "History")):
        rows["classes.csv"].append({**taught, "sourcedId": f"M-{number}", "subjects": subject})
    bring_in(session, tmp_path, rows)
    assert names(session, Subject) == ["History", "MATHEMATICS"]
    assert bring_in(session, tmp_path, rows).differences == 0


def test_no_two_of_the_staff_get_the_same_log_in(session: Any, tmp_path: Path) -> None:
    rows = school()
    one = rows["users.csv"][0]
    rows["users.csv"] += [
        {**one, "sourcedId": "t2", "username": "TESS"},
        {**one, "sourcedId": "t3", "username": "Tess@hill.example.org"},
        {**one, "sourcedId": "t4", "username": "Tëß von Ö"},
        {**one, "sourcedId": "t5", "username": "⚽"},
        {**one, "sourcedId": "t6", "username": "x" * 120},
    ]
    bring_in(session, tmp_path, rows)
    logins = dict(session.execute(select(Account.sourced_id, Account.login)).all())
    assert logins == {
        "t1": "tess@hill-school",
        "t2": "tess2@hill-school",
        "t3": "tess.hill.example.org@hill-school",
        "t4": "tess.von.o@hill-school",
        "t5": "staff@hill-school",
        "t6": f"{'x' * 90}@hill-school",
    }
    assert all(LOGIN.fullmatch(login.split("@")[0]) for login in logins.values())
    assert bring_in(session, tmp_path, rows).differences == 0


@given(some.text(max_size=130))
def test_a_log_in_is_one_that_an_admin_could_have_entered(name: str) -> None:
    login = free_login(name, "hill", {"staff@hill"})
    assert login.endswith("@hill")
    assert LOGIN.fullmatch(login.removesuffix("@hill"))


def test_an_address_in_capitals_is_the_same_the_second_time(session: Any, tmp_path: Path) -> None:
    rows = changed(school(), "users.csv", "t1", email="Tess@Example.ORG")
    bring_in(session, tmp_path, rows)
    assert session.scalars(select(Account.email)).one() == "tess@example.org"
    assert bring_in(session, tmp_path, rows).differences == 0
    session.scalars(select(Account)).one().email = "own@example.org"
    session.flush()
    assert bring_in(session, tmp_path, changed(rows, "users.csv", "t1", email="")).differences == 0


def test_a_grade_that_is_a_huge_number_has_its_place_at_the_end(session: Any, tmp_path: Path) -> None:
    bring_in(session, tmp_path, changed(school(), "users.csv", "s1", grades="99999999999999999999"))
    assert session.scalar(select(func.max(YearGroup.ordinal))) == 1_000
