"""Whatever stands in a bundle, it is brought in or refused with a place and a remedy, and nothing else ever happens."""

from __future__ import annotations

import csv
import io
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from sqlalchemy import func, select

from school_app.accounts.models import Account
from school_app.accounts.staff import LOGIN
from school_app.audit.models import AuditRow
from school_app.core.tenancy import all_schools
from school_app.rosters.brake import ImportBrake
from school_app.rosters.bundle import open_bundle
from school_app.rosters.check import checked
from school_app.rosters.layouts import LAYOUTS
from school_app.rosters.names import free_login
from school_app.rosters.problems import ImportRefused, Problems
from school_app.schools.models import Form, School, Subject, YearGroup
from school_app.students.models import Student
from tests.rosters.bundles import Rows, school, write
from tests.rosters.imports import bring_in, changed

Change = Callable[[bytes], bytes]
FILES = sorted(school("1.2"))


def told(path: Path) -> str:
    """What a bundle is refused with, and no more."""
    with pytest.raises(ImportRefused) as refused, open_bundle(path, path.name) as bundle, checked(bundle, Problems()):
        pass
    for problem in refused.value.problems:
        assert problem.message
        assert problem.remedy
    return str(refused.value)


def warned(path: Path) -> list[str]:
    """The notes on a bundle that passes."""
    problems = Problems()
    with open_bundle(path, path.name) as bundle, checked(bundle, problems):
        pass
    return [str(one) for one in problems.warnings]


def refused_with(file: Path | IO[bytes]) -> list[str]:
    """What a bundle is refused with; nothing where it passes."""
    try:
        with open_bundle(file, "b.zip") as bundle, checked(bundle, Problems()):
            pass
    except ImportRefused as refused:
        return [str(one) for one in refused.problems]
    return []


def rewritten(path: Path, file: str, change: Change) -> Path:
    """The bundle, one of its files changed byte by byte."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, change(content) if name == file else content)
    return path


def table(change: Callable[[list[list[str]]], Any]) -> Change:
    """A change of a file's rows, its headers the first of them."""

    def changed(content: bytes) -> bytes:
        rows = list(csv.reader(io.StringIO(content.decode())))
        change(rows)
        text = io.StringIO()
        csv.writer(text).writerows(rows)
        return text.getvalue().encode()

    return changed


def drop_first_column(rows: list[list[str]]) -> None:
    for row in rows:
        del row[0]


def add_column(header: str) -> Callable[[list[list[str]]], None]:
    def add(rows: list[list[str]]) -> None:
        for number, row in enumerate(rows):
            row.append("" if number else header)

    return add


BROKEN: dict[str, tuple[Change, str]] = {
    "empty": (lambda content: b"", "The file is empty."),
    "a NUL byte": (lambda content: content + b"a\0b", "The file holds a NUL byte."),
    "not UTF-8": (lambda content: content + b"\xff\r\n", "The file is not UTF-8."),
    "UTF-16": (lambda content: content.decode().encode("utf-16"), "The file is UTF-16."),
    "an open quote": (
        lambda content: content + b'"open\r\nand,on\r\n',
        "A quote opens in this row and is never closed.",
    ),
    "a ragged row": (lambda content: content + b"a,b\r\n", "The row has 2 fields where the headers have"),
    "lines that end in CR": (lambda content: content.replace(b"\r\n", b"\r"), "The lines do not end as those of"),
    "a column less": (table(drop_first_column), "The headers"),
    "a column twice": (table(add_column("sourcedId")), "The header 'sourcedId' stands there twice."),
    "an unknown column": (table(add_column("shoeSize")), "The header 'shoeSize' is not known."),
    "a header in capitals": (lambda content: content.replace(b"sourcedId", b"SOURCEDID", 1), "is not known. Write it"),
    "no headers": (lambda content: content.split(b"\r\n", 1)[1], "The header"),
    "a row twice": (lambda content: content + content.strip().rsplit(b"\r\n", 1)[1], "stands in the file twice"),
}


@pytest.mark.parametrize("what", BROKEN)
@pytest.mark.parametrize("file", FILES)
def test_a_broken_file_is_named_and_refused(tmp_path: Path, file: str, what: str) -> None:
    version = "1.2" if file == "roles.csv" else "1.1"
    change, said = BROKEN[what]
    answer = told(rewritten(write(tmp_path / "b.zip", school(version), version), file, change))
    assert said in answer
    assert file in answer


@pytest.mark.parametrize(
    "change",
    [
        lambda content: b"\xef\xbb\xbf" + content,
        lambda content: content.replace(b"\r\n", b"\n"),
        lambda content: content.replace(b"\r\n", b"\r\n\r\n"),
        lambda content: content.rstrip(b"\r\n"),
        table(lambda rows: rows.append([""] * len(rows[0]))),
        table(add_column("metadata.shoeSize")),
    ],
    ids=["a BOM", "lines that end in LF", "blank lines", "no end of the last line", "a row of nothing", "metadata"],
)
@pytest.mark.parametrize("file", FILES)
def test_what_does_not_matter_is_read(tmp_path: Path, file: str, change: Change) -> None:
    version = "1.2" if file == "roles.csv" else "1.1"
    path = rewritten(write(tmp_path / "b.zip", school(version), version), file, change)
    assert [one for one in warned(path) if "extra credit" not in one] == []


@pytest.mark.parametrize("file", [one for one in FILES if one != "roles.csv"])
def test_a_file_that_is_absent_is_named_where_it_is_needed(tmp_path: Path, file: str) -> None:
    rows = {name: each for name, each in school().items() if name != file}
    if file in ("demographics.csv", "results.csv"):
        assert warned(write(tmp_path / "b.zip", rows)) is not None
    else:
        answer = told(write(tmp_path / "b.zip", rows))
        assert file in answer or "column categorySourcedId" in answer or "column lineItemSourcedId" in answer


@pytest.mark.parametrize("file", [one for one in FILES if one != "roles.csv"])
def test_a_file_that_has_no_rows_is_read(tmp_path: Path, file: str) -> None:
    path = write(tmp_path / "b.zip", {**school(), file: []})
    assert all("is nowhere in the bundle" in one for one in refused_with(path))


def test_a_delta_that_says_it_is_bulk_is_noted_once_for_each_file(tmp_path: Path) -> None:
    rows = school()
    for row in rows["users.csv"]:
        row.update(status="active", dateLastModified="2026-01-01T00:00:00.000Z")
    assert warned(write(tmp_path / "b.zip", rows))[0] == (
        "users.csv, line 2, column dateLastModified: Rows say when they were changed last, as those of a delta do. "
        "The file is taken for the whole roster; see that it is."
    )


REFERENCES = [
    ("courses.csv", "C-M", "orgSourcedId"),
    ("courses.csv", "C-M", "schoolYearSourcedId"),
    ("classes.csv", "M-9", "courseSourcedId"),
    ("classes.csv", "M-9", "termSourcedIds"),
    ("users.csv", "t1", "orgSourcedIds"),
    ("enrollments.csv", "e1", "schoolSourcedId"),
    ("enrollments.csv", "e1", "classSourcedId"),
    ("demographics.csv", "s1", "sourcedId"),
    ("lineItems.csv", "L1", "classSourcedId"),
    ("lineItems.csv", "L1", "categorySourcedId"),
    ("lineItems.csv", "L1", "gradingPeriodSourcedId"),
    ("lineItems.csv", "L1", "schoolSourcedId"),
    ("results.csv", "R1", "lineItemSourcedId"),
    ("results.csv", "R1", "studentSourcedId"),
]


@pytest.mark.parametrize(("file", "row", "column"), REFERENCES)
def test_a_reference_to_nothing_is_refused(tmp_path: Path, file: str, row: str, column: str) -> None:
    path = write(tmp_path / "b.zip", changed(school(), file, row, **{column: "nobody"}))
    assert f"{file}, line 2, column {column}: 'nobody' is nowhere in the bundle." in told(path).replace(
        "line 3", "line 2"
    )


@pytest.mark.parametrize("column", ["userSourcedId", "orgSourcedId"])
def test_a_role_of_nobody_or_nowhere_is_refused(tmp_path: Path, column: str) -> None:
    rows = school("1.2")
    rows["roles.csv"].append({**rows["roles.csv"][0], "sourcedId": "more", column: "nobody"})
    answer = told(write(tmp_path / "b.zip", rows, "1.2"))
    assert f"roles.csv, line 6, column {column}: 'nobody' is nowhere in the bundle." in answer


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (changed(school(), "users.csv", "s1", agentSourcedIds="p9"), "column agentSourcedIds: 'p9' is nowhere"),
        (
            changed(school(), "users.csv", "p1", email="n/a"),
            "column email: 'n/a' is no e-mail address. It is left out.",
        ),
        (
            changed(school(), "enrollments.csv", "e3", role="teacher"),
            "'s2' is no member of staff of the class’s school.",
        ),
        (changed(school(), "enrollments.csv", "e3", userSourcedId="p1"), "'p1' is no student of the class’s school."),
        (changed(school(), "results.csv", "R1", studentSourcedId="t1"), "'t1' is no student of the class’s school."),
        (changed(school(), "classes.csv", "M-9", schoolSourcedId="D"), "Maths 9 belongs to no school, but to another"),
    ],
)
def test_what_is_left_out_is_noted(tmp_path: Path, rows: Rows, said: str) -> None:
    assert any(said in one for one in warned(write(tmp_path / "b.zip", rows)))


@pytest.mark.parametrize(
    ("file", "row", "column", "value", "said"),
    [
        ("orgs.csv", "S1", "type", "shool", "'shool' is not known here. Accepted: department, school,"),
        ("users.csv", "s1", "grades", "9" * 21, "has 21 characters. 20 are the most."),
        ("users.csv", "s1", "givenName", "An\nn", "The text holds a line break or another control character."),
        ("users.csv", "s1", "givenName", "An\x1b[1m", "The text holds a line break or another control character."),
        ("categories.csv", "K", "title", "x" * 121, "The text has 121 characters. 120 are the most."),
        ("enrollments.csv", "e1", "beginDate", "2025-W36-1", "'2025-W36-1' is no day."),
        ("enrollments.csv", "e1", "beginDate", "20250901", "'20250901' is no day."),
        ("enrollments.csv", "e1", "beginDate", "0001-01-01", "is no day of this time."),
        ("lineItems.csv", "L1", "resultValueMax", "0", "0 is not above 0."),
        ("lineItems.csv", "L1", "resultValueMax", "1e999999999", "cannot be kept."),
        ("lineItems.csv", "L1", "resultValueMax", "9" * 9_000, "cannot be kept."),
        ("lineItems.csv", "L1", "resultValueMax", "1_000", "is no number."),
        ("results.csv", "R1", "score", "NaN", "cannot be kept."),
        ("results.csv", "R1", "score", "0.0001", "cannot be kept."),
    ],
)
def test_a_field_that_cannot_be_kept_is_refused(
    tmp_path: Path, file: str, row: str, column: str, value: str, said: str
) -> None:
    answer = told(write(tmp_path / "b.zip", changed(school(), file, row, **{column: value})))
    assert f"column {column}: " in answer
    assert said in answer


def test_a_second_result_of_a_student_in_an_assessment_is_refused(tmp_path: Path) -> None:
    rows = school()
    rows["results.csv"].append({**rows["results.csv"][0], "sourcedId": "R2"})
    assert "line 3, column studentSourcedId: The student has a result in this assessment" in told(
        write(tmp_path / "b.zip", rows)
    )


def packed(path: Path, **more: bytes) -> Path:
    write(path, school())
    with zipfile.ZipFile(path, "a") as archive:
        for name, content in more.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize("inside", ["roster/extra.csv", "../extra.csv", "/etc/extra.csv", "roster/", "a\\b.csv"])
def test_a_zip_with_folders_is_refused(tmp_path: Path, inside: str) -> None:
    assert "The zip has a folder" in told(packed(tmp_path / "b.zip", **{inside: b"x"}))


def flagged(path: Path, place: int, value: int) -> Path:
    """The zip with a number of its central directory changed, for every member."""
    data = bytearray(path.read_bytes())
    at = data.find(b"PK\x01\x02")
    while at >= 0:
        struct.pack_into("<H", data, at + place, value)
        at = data.find(b"PK\x01\x02", at + 4)
    path.write_bytes(data)
    return path


def test_a_zip_that_is_encrypted_or_packed_otherwise_is_refused(tmp_path: Path) -> None:
    assert "is encrypted" in told(flagged(packed(tmp_path / "b.zip"), 8, 1))
    for method in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, 99):
        assert "is packed by an unusual method" in told(flagged(packed(tmp_path / "b.zip"), 10, method))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write(tmp_path_factory.mktemp("whole") / "b.zip", school()).read_bytes()


@settings(max_examples=300, deadline=None)
@given(place=some.integers(0, 10_000), noise=some.binary(min_size=1, max_size=6))
def test_a_damaged_zip_is_read_or_refused(whole: bytes, place: int, noise: bytes) -> None:
    data = bytearray(whole)
    place %= len(data)
    data[place : place + len(noise)] = noise
    refused_with(io.BytesIO(bytes(data)))


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


WORDS = "s1 t1 p1 S1 D T1 SY 9A tess T1,SY 0 -1 1e99 NaN 2026-02-30 9999-12-31 true student homeroom tobedeleted"
ANYTHING = some.sampled_from([*WORDS.split(), "", "9" * 30, "x" * 192, "é", "²"]) | some.text(max_size=30)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=some.data())
def test_any_fields_are_brought_in_or_refused_and_then_nothing_is_written(
    session: Any, tmp_path: Path, data: some.DataObject
) -> None:
    version = data.draw(some.sampled_from(("1.1", "1.2")))
    rows = school(version)
    for _ in range(data.draw(some.integers(1, 4))):
        file = data.draw(some.sampled_from(sorted(rows)))
        layout = LAYOUTS[version][file]
        row = data.draw(some.sampled_from(rows[file]))
        row[data.draw(some.sampled_from((*layout.required, *layout.optional)))] = data.draw(ANYTHING)
    if data.draw(some.booleans()):
        rows["users.csv"].append({**data.draw(some.sampled_from(rows["users.csv"]))})
    try:
        bring_in(session, tmp_path, rows, version=version)
        assert bring_in(session, tmp_path, rows, version=version).differences == 0
    except (ImportRefused, ImportBrake):
        session.rollback()
        with all_schools(session):
            for model in (School, Student, Account, AuditRow):
                assert session.scalar(select(func.count()).select_from(model)) == 0
    finally:
        session.rollback()
