"""A CSV file is read as rows, or refused with its place and the remedy; nothing else ever happens."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as some

from school_app.rosters.csv_reader import LONGEST_FIELD, LONGEST_LINE, Layout, Row, read_rows
from school_app.rosters.problems import MOST_ERRORS, ImportRefused, Problems

LAYOUT = Layout(["sourcedId", "name"], ["note"], extensible=True)


def read(content: bytes, problems: Problems | None = None) -> list[Row]:
    return list(read_rows(io.BytesIO(content), "users.csv", LAYOUT, problems or Problems()))


@pytest.mark.parametrize(
    "content",
    [
        b"sourcedId,name\r\n1,Ana\r\n",
        b"sourcedId,name\n1,Ana",
        b"\xef\xbb\xbfsourcedId,name\n1, Ana \n",
        b"name,sourcedId\nAna,1\n\n",
    ],
)
def test_endings_marks_order_and_spaces_do_not_matter(content: bytes) -> None:
    assert [dict(row.fields) for row in read(content)] == [{"sourcedId": "1", "name": "Ana"}]


def test_a_quoted_field_may_hold_commas_and_lines_and_rows_keep_their_physical_line() -> None:
    rows = read(b'sourcedId,name\n1,"Art,\nGrade 1"\n2,Bo\n')
    assert [(row.line, row.fields["name"]) for row in rows] == [(2, "Art,\nGrade 1"), (4, "Bo")]


def test_columns_of_metadata_are_allowed_where_the_format_allows_them() -> None:
    assert read(b"sourcedId,name,metadata.color\n1,Ana,red\n")[0].fields["metadata.color"] == "red"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "users.csv: The file is empty. Export it again, with its line of headers."),
        ("sourcedId,name\n".encode("utf-16"), "users.csv: The file is UTF-16. Save it as UTF-8."),
        (b"sourcedId,name\n1,Ana\n2,Jos\xe9\n", 'users.csv, line 3: The file is not UTF-8. Save it as "CSV UTF-8".'),
        (b"sourcedId,name\n1,A\0\n", "users.csv, line 2: The file holds a NUL byte. Export it again as UTF-8 text."),
        (b"sourcedId,name,name\n", "users.csv, line 1: The header 'name' stands there twice. Keep one of the columns."),
        (b"SourcedID,name\n", "users.csv, line 1: The header 'SourcedID' is not known. Write it exactly 'sourcedId'."),
        (
            b"sourcedId,name,shoe\n",
            "users.csv, line 1: The header 'shoe' is not known. Remove the column, or name it as the format does.",
        ),
        (
            b"sourcedId\n1\n",
            "users.csv, line 1: The headers name are missing. Export the file with all its columns.",
        ),
        (
            b'sourcedId,name\n1,Ana\n2,"Bo\n3,Cy\n',
            "users.csv, line 3: A quote opens in this row and is never closed. "
            "Close it; a quote within a field is written twice.",
        ),
        (
            b'sourcedId,name\n1,"Bo\n' + b"3,Cy\n" * 40_000,
            "users.csv, line 2: A quote opens in this row and is never closed. "
            "Close it; a quote within a field is written twice.",
        ),
        (
            b'sourcedId,name\n1,"Ana" Able\n',
            "users.csv, line 2: A field goes on after its closing quote. Write a quote within a field twice.",
        ),
        (
            b"sourcedId,name\r1,Ana\r",
            "users.csv, line 1: The lines do not end as those of a CSV file. End each row with a line feed.",
        ),
        (
            b"sourcedId,name\n" + b"x" * (LONGEST_LINE + 1),
            "users.csv, line 2: The line does not end. Export the file with one row a line.",
        ),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_its_remedy(content: bytes, said: str) -> None:
    with pytest.raises(ImportRefused) as refused:
        read(content)
    assert str(refused.value) == said


def test_a_ragged_row_is_named_and_the_others_are_read() -> None:
    problems = Problems()
    rows = read(b"sourcedId,name\n1,Ana\n2,Bo,Lee\n3,Cy\n", problems)
    assert [row.line for row in rows] == [2, 4]
    assert [(problem.line, problem.message) for problem in problems.errors] == [
        (3, "The row has 3 fields where the headers have 2.")
    ]


def test_a_field_that_is_too_long_is_named() -> None:
    problems = Problems()
    assert read(b"sourcedId,name\n1," + b"x" * (LONGEST_FIELD + 1) + b"\n", problems) == []
    assert (problems.errors[0].line, problems.errors[0].column) == (2, "name")


def test_errors_beyond_the_hundredth_are_counted() -> None:
    problems = Problems()
    read(b"sourcedId,name\n" + b"1\n" * (MOST_ERRORS + 5), problems)
    with pytest.raises(ImportRefused, match="and 5 more"):
        problems.refuse_if_any()


@given(some.binary(max_size=300))
def test_no_bytes_do_anything_but_read_or_be_refused(content: bytes) -> None:
    try:
        rows = read(b"sourcedId,name\n" + content)
    except ImportRefused:
        rows = []
    assert all(set(row.fields) == {"sourcedId", "name"} for row in rows)
