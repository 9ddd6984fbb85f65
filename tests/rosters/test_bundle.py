"""What is wrong with a bundle is said with its place and remedy, before anything is written."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from school_app.rosters.bundle import open_bundle
from school_app.rosters.check import checked
from school_app.rosters.problems import ImportRefused, Problems
from tests.rosters.bundles import school, write


def refusal(path: Path) -> str:
    with pytest.raises(ImportRefused) as refused, open_bundle(path, path.name) as bundle, checked(bundle, Problems()):
        pass
    return str(refused.value)


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_a_bundle_of_either_version_passes_and_its_oddities_are_noted(tmp_path: Path, version: str) -> None:
    path = write(tmp_path / "b.zip", school(version), version)
    problems = Problems()
    with open_bundle(path, "b.zip") as bundle, checked(bundle, problems):
        pass
    assert [str(one) for one in problems.warnings] == [
        "results.csv, line 2, column score: The score 103 is above the highest, 100. It is kept, as extra credit."
    ]


def changed(file: str, place: int, column: str, value: str) -> Any:
    rows = school()
    rows[file][place][column] = value
    return rows


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (changed("users.csv", 1, "role", "pupil"), "users.csv, line 3, column role: 'pupil' is not known here."),
        (
            changed("users.csv", 1, "sourcedId", "t1"),
            "line 3, column sourcedId: 't1' stands in the file twice.",
        ),
        (changed("users.csv", 2, "familyName", ""), "users.csv, line 4, column familyName: The field is empty."),
        (
            changed("enrollments.csv", 1, "userSourcedId", "s9"),
            "line 3, column userSourcedId: 's9' is nowhere",
        ),
        (
            changed("enrollments.csv", 1, "endDate", "2025-08-01"),
            "It ends on 2025-08-01 before it begins",
        ),
        (changed("enrollments.csv", 1, "beginDate", "1/9/2025"), "column beginDate: '1/9/2025' is no day. Write it as"),
        (
            changed("classes.csv", 0, "schoolSourcedId", "S7"),
            "line 2, column schoolSourcedId: 'S7' is nowhere",
        ),
        (
            changed("academicSessions.csv", 1, "endDate", "2025-08-01"),
            "academicSessions.csv, line 3, column endDate: It ends on 2025-08-01 before it starts on 2025-09-01.",
        ),
        (changed("results.csv", 0, "score", "ten"), "results.csv, line 2, column score: 'ten' is no number."),
        (
            changed("lineItems.csv", 0, "resultValueMax", "-1"),
            "line 2, column resultValueMax: -1 is not above",
        ),
    ],
)
def test_a_wrong_field_is_named_with_file_line_and_column(tmp_path: Path, rows: Any, said: str) -> None:
    assert said in refusal(write(tmp_path / "b.zip", rows))


def within(file: str, **parents: str) -> Any:
    """The rows of a school, where the rows of one file lie within others."""
    rows = school()
    for row in rows[file]:
        row["parentSourcedId"] = parents.get(row["sourcedId"], row.get("parentSourcedId", ""))
    return rows


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (
            within("academicSessions.csv", T1="T1"),
            "academicSessions.csv, line 3, column parentSourcedId: 'T1' lies within itself: T1 in T1. Point it to",
        ),
        (
            within("academicSessions.csv", SY="T1"),
            "academicSessions.csv, line 2, column parentSourcedId: 'SY' lies within itself: SY in T1 in SY. Point it",
        ),
        (
            within("academicSessions.csv", T1="T9"),
            "academicSessions.csv, line 3, column parentSourcedId: 'T9' is nowhere in the bundle. Export the row",
        ),
        (
            within("academicSessions.csv", T1=""),
            "classes.csv, line 2, column termSourcedIds: The term 'T1' lies in no school year. Give it a parent",
        ),
        (
            within("orgs.csv", D="S1"),
            "orgs.csv, line 2, column parentSourcedId: 'D' lies within itself: D in S1 in D. Point it to",
        ),
        (within("orgs.csv", D="D"), "orgs.csv, line 2, column parentSourcedId: 'D' lies within itself: D in D."),
        (within("orgs.csv", S1="X"), "orgs.csv, line 3, column parentSourcedId: 'X' is nowhere in the bundle."),
    ],
)
def test_what_lies_within_itself_or_nothing_is_named_with_its_place(tmp_path: Path, rows: Any, said: str) -> None:
    assert said in refusal(write(tmp_path / "b.zip", rows))


def test_sessions_that_lead_into_a_circle_or_too_deep_are_refused(tmp_path: Path) -> None:
    rows = school()
    term = rows["academicSessions.csv"][1]
    rows["academicSessions.csv"] += [
        {**term, "sourcedId": f"T{number}", "parentSourcedId": f"T{number - 1}"} for number in range(2, 3000)
    ]
    told = refusal(write(tmp_path / "b.zip", rows))
    assert "line 14, column parentSourcedId: 'T12' lies more than 10 rows deep." in told
    term["parentSourcedId"] = "T2"
    told = refusal(write(tmp_path / "c.zip", rows))
    assert "line 3, column parentSourcedId: 'T1' lies within itself: T1 in T2 in T1." in told


def test_a_session_in_no_school_year_is_left_out_and_noted(tmp_path: Path) -> None:
    rows = school()
    rows["academicSessions.csv"].append({**rows["academicSessions.csv"][1], "sourcedId": "T9", "parentSourcedId": ""})
    problems = Problems()
    with open_bundle(write(tmp_path / "b.zip", rows), "b.zip") as bundle, checked(bundle, problems):
        pass
    assert str(problems.warnings[0]).startswith("academicSessions.csv, line 4, column parentSourcedId: 'T9' lies in no")


@pytest.mark.parametrize(
    ("manifest", "version", "said"),
    [
        ({"file__users": "delta"}, "1.1", "users.csv holds only what has changed (delta). Export the bundle in bulk"),
        ({"file__users": "absent"}, "1.1", "users.csv is missing."),
        (
            {"oneroster__version": "1.0"},
            "1.1",
            "it is OneRoster 1.0. Versions 1.1 and 1.2 can be read.",
        ),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(tmp_path: Path, manifest: Any, version: str, said: str) -> None:
    assert said in refusal(write(tmp_path / "b.zip", school(version), version, **manifest))


def test_a_hundred_errors_are_told_and_the_rest_are_counted(tmp_path: Path) -> None:
    rows = school()
    rows["users.csv"] = [{**rows["users.csv"][0], "sourcedId": f"u{number}", "role": "x"} for number in range(150)]
    told = refusal(write(tmp_path / "b.zip", rows)).splitlines()
    assert len(told) == 101
    assert told[-1].startswith("and ")


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"roster/users.csv": "x"}, "The zip has a folder: roster/users.csv."),
        ({"../users.csv": "x"}, "The zip has a folder"),
        ({"Users.csv": "x"}, "The name must be exactly users.csv."),
        ({"users.csv": "x"}, "The zip has no manifest.csv."),
        ({"users.csv": "\0" * 30_000_000}, "Split the bundle by school."),
    ],
)
def test_a_zip_that_is_no_bundle_is_refused(tmp_path: Path, members: dict[str, str], said: str) -> None:
    path = tmp_path / "b.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    assert said in refusal(path)


def test_what_is_no_zip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "b.zip"
    path.write_text("no zip")
    assert "The file is no zip" in refusal(path)


@settings(max_examples=60)
@example(b"\x00\x00\x01", 793)
@given(st.binary(max_size=400), st.integers(0, 2000))
def test_a_damaged_bundle_is_refused_or_read_but_never_fails_otherwise(noise: bytes, place: int) -> None:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.csv", "propertyName,value\noneroster.version,1.1\n")
        for name in ("academicSessions", "orgs", "courses", "classes", "users", "enrollments"):
            archive.writestr(f"{name}.csv", noise)
    data = whole.getvalue()
    damaged = data[:place] + noise + data[place + len(noise) :] if place < len(data) else data
    told: list[str] = []
    try:
        with open_bundle(io.BytesIO(damaged), "b.zip") as bundle, checked(bundle, Problems()):
            pass
    except ImportRefused as error:
        told = [str(problem) for problem in error.problems]
    # Noise has none of the headers, so it is never taken for a roster.
    assert told


def test_a_thousand_notes_are_told_and_the_rest_are_counted(tmp_path: Path) -> None:
    rows = school()
    rows["users.csv"] += [
        {**rows["users.csv"][3], "sourcedId": f"p{number}", "email": "none"} for number in range(2, 1_102)
    ]
    problems = Problems()
    with open_bundle(write(tmp_path / "b.zip", rows), "b.zip") as bundle, checked(bundle, problems):
        pass
    # One more note is of the score above the highest.
    assert (len(problems.warnings), problems.more_warnings) == (1_000, 101)
