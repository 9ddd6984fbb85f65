"""A bundle is read once, whatever number of schools it is of, and each school gets what was read, and no more."""

from __future__ import annotations

from collections import Counter
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from school_app.core.tenancy import all_schools, enter_school
from school_app.rosters.bundle import Bundle, open_bundle
from school_app.rosters.check import checked
from school_app.rosters.parts import Parts
from school_app.rosters.problems import Problems
from school_app.rosters.records import Class, Demographics, Enrolment, LineItem, Org, Result, User
from school_app.rosters.service import Options, import_bundle
from school_app.schools.models import School
from school_app.students.models import Student
from tests.rosters.bundles import Rows, school, write

SHARED = ("academicSessions.csv", "categories.csv")


def many(number: int, version: str = "1.1") -> Rows:
    """A bundle of some schools of the same shape."""
    one = school(version)
    rows: Rows = {name: list(each) if name in SHARED else [] for name, each in one.items()}
    rows["orgs.csv"].append(one["orgs.csv"][0])
    for place in range(number):
        for name in one.keys() - set(SHARED):
            rows[name] += [_of(place, row) for row in one[name] if row["sourcedId"] != "D"]
    return rows


def _of(place: int, row: dict[str, Any]) -> dict[str, Any]:
    keep = ("termSourcedIds", "gradingPeriodSourcedId", "categorySourcedId", "parentSourcedId")
    ids = {name: value for name, value in row.items() if name.casefold().endswith(("sourcedid", "sourcedids"))}
    return {**row, **{name: f"{value}-{place}" for name, value in ids.items() if value and name not in keep}}


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each file of a bundle was read."""
    counted: Counter[str] = Counter()
    rows = Bundle.rows

    def count(self: Bundle, name: str, problems: Problems) -> Any:
        counted[name] += 1
        return rows(self, name, problems)

    monkeypatch.setattr(Bundle, "rows", count)
    return counted


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_every_file_is_read_once_for_all_schools(
    session: Any, tmp_path: Path, reads: Counter[str], version: str
) -> None:
    path = write(tmp_path / "b.zip", many(5, version), version)
    enter_school(session, None)
    outcome = import_bundle(session, path, Options())
    assert len(outcome.schools) == 5
    assert set(reads.values()) == {1}
    with all_schools(session):
        students = session.execute(select(School.sourced_id, func.count()).join(Student).group_by(School.sourced_id))
        assert dict(students.all()) == {f"S1-{place}": 2 for place in range(5)}
    enter_school(session, None)
    assert import_bundle(session, path, Options()).differences == 0


def test_one_school_of_a_bundle_keeps_no_rows_of_the_others(tmp_path: Path) -> None:
    path = write(tmp_path / "b.zip", many(3))
    with open_bundle(path, "b.zip") as bundle, checked(bundle, Problems(), only="S1-1") as parts:
        assert [one.sourced_id for _, one in parts.of("S1-1").rows(Class)] == ["H-9A-1", "M-9-1"]
        assert list(parts.of("S1-2").rows(Class)) == []
        assert list(parts.schools) == ["S1-0", "S1-1", "S1-2"]


USER = User("u", "n", "Zoë", "", 'O"Neil', "", "", agents=("a", "b"), grades=(), is_active=True, may_log_in=False)
RECORDS = [
    USER,
    Class("c", "9A", "", is_homeroom=True, grades=("09",), course="", school="S", terms=("T", "U"), subjects=()),
    Enrolment("e", "c", "S", "u", role="student", is_primary=False, begins_on=date(2026, 1, 2), ends_on=None),
    Demographics("u", date(2012, 2, 29), "female"),
    LineItem(
        "l",
        "T",
        None,
        due_on=date(2026, 1, 2),
        class_id="c",
        category="",
        term="",
        school="",
        minimum=Decimal(0),
        maximum=Decimal("9.125"),
    ),
    Result("r", "l", "u", status="", score=None, scored_on=date(2026, 1, 2), comment="two\nlines"),
    Result("r", "l", "u", status="", score=Decimal("-0.5"), scored_on=date(2026, 1, 2), comment="\u2028"),
]


@pytest.mark.parametrize("record", RECORDS, ids=lambda one: type(one).__name__)
def test_what_is_put_aside_comes_back_as_it_was(record: Any) -> None:
    with Parts() as parts:
        parts.schools["S"] = Org("S", "Hill", is_school=True, parent="")
        for line in range(2, 3_000):
            parts.put("S", line, record)
            parts.put("elsewhere", line, record)
        found = list(parts.of("S").rows(type(record)))
    assert found == [(line, record) for line in range(2, 3_000)]


def test_an_id_is_new_once_for_each_kind() -> None:
    with Parts() as parts:
        asked = [("users.csv", "1"), ("users.csv", "1"), ("orgs.csv", "1"), ("users.csv", "2")]
        assert [parts.is_new(kind, id_) for kind, id_ in asked] == [True, False, True, True]
