"""`python -m bench.search [--students 50000]`: finding a student by name in a school of so many, in four ways.

It fills a database of its own on the server that FORMROOM_TEST_DATABASE_URL names, and removes it again. Beside the
product's own search stand what it was before (the beginnings of two columns, as the collation folds them), the same
index joined with all its students and sorted, and the server's full text. docs/decisions/0039 says what followed.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from functools import partial
from typing import Any

from faker import Faker
from rich.console import Console
from rich.table import Table
from sqlalchemy import insert, or_, select, text

from bench.apps import app_over, seconds, url_of
from school_app.core.db import db
from school_app.core.tenancy import all_schools, use_school
from school_app.schools.models import Form, School, SchoolYear, YearGroup
from school_app.students import queries, spelling
from school_app.students.access import Reach
from school_app.students.models import Student
from school_app.students.name_index import refresh_names

AUDIT = {"audit_reason": "bench"}
FORM_SIZE, FORMS_A_YEAR, LIMIT = 30, 128, 50
LOCALES = ("de_DE", "en_GB", "fr_FR", "pl_PL", "tr_TR", "es_ES", "cs_CZ")
PARTICLES = ("van der ", "de la ", "von ", "O'", "Mac")
CHINESE = "王李张刘陈杨黄赵吴周小明华丽强伟芳娜秀英"
TEXTS = ("s", "mu", "muller", "anna", "a m", "anna mu", "jean luc", "van der", "王", "zzyzx")
Way = Callable[[Reach, str], Sequence[Any]]


@contextmanager
def application(students: int) -> Iterator[None]:
    """Work inside the app over a database of its own with two schools of so many students each."""
    with app_over(url_of("formroom_bench_search")):
        for number in (1, 2):
            _fill(f"school-{number}", students, seed=number)
        _index_fully()
        yield


def _fill(slug: str, students: int, *, seed: int) -> None:
    with all_schools(db.session):
        school = School(slug=slug, name=slug, timezone="UTC")
        db.session.add(school)
        db.session.flush()
        school_id = school.id
    with use_school(db.session, school_id):
        forms = _forms(students)
        names = _names(students, seed)
        for start in range(0, students, 2_000):
            rows = [_student(forms, place, *names[place]) for place in range(start, min(start + 2_000, students))]
            db.session.execute(insert(Student), rows, execution_options=AUDIT)
        took = seconds(partial(refresh_names, db.session))
        db.session.commit()
    Console(width=140).print(f"{slug}: the names of {students:,} students were listed in {took:.1f} s")


def _student(forms: list[tuple[int, int]], place: int, given: str, family: str) -> dict[str, Any]:
    form, group = forms[place // FORM_SIZE]
    names = {"given_name": given, "family_name": family, "is_active": place % 8 != 0}
    return {**names, "form_id": form, "year_group_id": group}


def _forms(students: int) -> list[tuple[int, int]]:
    """The ids of forms and of their year groups."""
    year = SchoolYear(name="2026", starts_on=date(2026, 8, 1), ends_on=date(2027, 7, 31))
    count = students // FORM_SIZE + 1
    groups = [YearGroup(code=str(n), name=f"Year {n}", ordinal=n) for n in range(count // FORMS_A_YEAR + 1)]
    db.session.add_all([year, *groups])
    db.session.flush()
    of = [groups[number // FORMS_A_YEAR].id for number in range(count)]
    forms = [Form(school_year_id=year.id, year_group_id=group, name=f"F{n}") for n, group in enumerate(of)]
    db.session.add_all(forms)
    db.session.flush()
    return list(zip([form.id for form in forms], of, strict=True))


def _names(count: int, seed: int) -> list[tuple[str, str]]:
    """Given and family names: one in ten with two given names, in ten with a double name, in twenty with a particle."""
    dice = random.Random(seed)
    fakes = [Faker(locale) for locale in LOCALES]
    for fake in fakes:
        fake.seed_instance(seed)
    pool = [[(fake.first_name(), fake.last_name()) for _ in range(3_000)] for fake in fakes]
    return [_name(dice, dice.choice(pool)) for _ in range(count)]


def _name(dice: random.Random, pool: list[tuple[str, str]]) -> tuple[str, str]:
    if dice.random() < 0.03:
        return "".join(dice.choices(CHINESE, k=2)), dice.choice(CHINESE)
    given, family = dice.choice(pool)[0], dice.choice(pool)[1]
    if dice.random() < 0.1:
        given = f"{given}-{dice.choice(pool)[0]}"
    if dice.random() < 0.1:
        family = f"{family}-{dice.choice(pool)[1]}"
    return given, dice.choice(PARTICLES) + family if dice.random() < 0.05 else family


def _is_mysql() -> bool:
    with db.engine.connect() as connection:
        return "MariaDB" not in str(connection.execute(text("SELECT VERSION()")).scalar_one())


def _index_fully() -> None:
    """Full text over folded names in tables of their own: by words, and on MySQL by pairs of letters."""
    for table, parser in (("by_words", ""), ("by_ngrams", " WITH PARSER ngram"))[: 2 if _is_mysql() else 1]:
        with db.engine.begin() as connection:
            connection.execute(
                text(
                    f"CREATE TABLE {table} (student_id BIGINT PRIMARY KEY, school_id BIGINT NOT NULL, "
                    f"name VARCHAR(400) COLLATE utf8mb4_bin NOT NULL, FULLTEXT (name){parser})"
                )
            )
            connection.execute(
                text(
                    f"INSERT INTO {table} SELECT student_id, school_id, MIN(name) FROM student_name_entry "  # noqa: S608
                    "GROUP BY student_id, school_id"
                )
            )
            connection.execute(text(f"ANALYZE TABLE {table}"))
    with db.engine.begin() as connection:
        for name in ("student", "student_name_entry", "form"):
            connection.execute(text(f"ANALYZE TABLE {name}"))


def before(reach: Reach, typed: str) -> Sequence[Any]:
    """The beginnings of both names as they are written, found by the collation."""
    fits = [
        or_(queries.starts_with(Student.family_name, word), queries.starts_with(Student.given_name, word))
        for word in typed.split()[:4]
    ]
    statement = select(Student, Form.name).join(Form, Form.id == Student.form_id, isouter=True)
    order = (Student.is_active.desc(), Student.family_name, Student.given_name, Student.id)
    return db.session.execute(statement.where(reach.students(), *fits).order_by(*order).limit(LIMIT)).all()


def now(reach: Reach, typed: str) -> Sequence[Any]:
    """What the product does."""
    return queries.search_students(db.session, reach, typed, limit=LIMIT)


def joined(reach: Reach, typed: str) -> Sequence[Any]:
    """The same index, all that begins so joined with its students and sorted, whatever the reach."""
    return queries.search_students(db.session, Reach(False, *_spelt_out(reach)), typed, limit=LIMIT)


def _spelt_out(reach: Reach) -> tuple[frozenset[int], frozenset[int], frozenset[int]]:
    if not reach.everyone:
        return reach.form_ids, reach.year_group_ids, reach.taught_ids
    return frozenset(), frozenset(db.session.scalars(select(YearGroup.id))), frozenset()


def full_text(table: str, reach: Reach, typed: str) -> Sequence[Any]:
    """The server's full text in boolean mode, of all schools, cut down to one school and the reach, and sorted."""
    words = " ".join(f"+{word}*" for word in spelling.words(typed))
    if table == "by_ngrams":
        # There a word of the question is a phrase of pairs, and one letter has to be the beginning of a pair.
        words = " ".join(f'+"{word}"' if len(word) > 1 else f"+{word}*" for word in spelling.words(typed))
    statement = select(Student.id, Student.given_name, Student.family_name, Student.is_active, Form.name)
    among = text(
        f"student.id IN (SELECT student_id FROM {table} WHERE school_id = :school "  # noqa: S608
        "AND MATCH (name) AGAINST (:words IN BOOLEAN MODE))"
    ).bindparams(school=1, words=words)
    statement = statement.join(Form, Form.id == Student.form_id, isouter=True).where(reach.students(), among)
    order = (Student.is_active.desc(), Student.family_name, Student.given_name, Student.id)
    return db.session.execute(statement.order_by(*order).limit(LIMIT)).all()


def reaches() -> dict[str, Reach]:
    """An admin's, a head of year's, and that of a form's master who teaches two hundred others."""
    group = db.session.scalars(select(YearGroup).order_by(YearGroup.id).limit(1)).one()
    form = db.session.scalars(select(Form).order_by(Form.id).limit(1)).one()
    taught = db.session.scalars(select(Student.id).order_by(Student.id.desc()).limit(200))
    return {
        "everyone": Reach(everyone=True),
        "head": Reach(year_group_ids=frozenset({group.id})),
        "master": Reach(form_ids=frozenset({form.id}), taught_ids=frozenset(taught)),
    }


def measure(rounds: int) -> Table:
    """Milliseconds of the fastest round, how many were found, and how many rows the server read for them.

    Each way of each search comes in turn, round by round. What else the machine does only ever adds to a time.
    """
    ways: dict[str, Way] = {"now": now, "before": before, "joined, sorted": joined}
    ways["full text"] = partial(full_text, "by_words")
    if _is_mysql():
        ways["n-grams"] = partial(full_text, "by_ngrams")
    places = [(name, reach, typed) for name, reach in reaches().items() for typed in TEXTS]
    times: dict[tuple[str, str, str], list[float]] = {}
    found: dict[tuple[str, str, str], int] = {}
    read: dict[tuple[str, str, str], int] = {}
    for number in range(rounds + 1):
        for name, reach, typed in places:
            for way, search in ways.items():
                took = seconds(lambda: found.update({(name, typed, way): len(search(reach, typed))}))  # noqa: B023
                if not number:
                    read[(name, typed, way)] = _rows_read(partial(search, reach, typed))
                else:
                    times.setdefault((name, typed, way), []).append(1000 * took)
    table = Table("Reach", "Text", *(f"{way}, ms" for way in ways), "before ÷ now")
    for name, _, typed in places:
        fastest = {way: min(times[(name, typed, way)]) for way in ways}
        of = (name, typed)
        cells = (f"{ms:.1f} ({found[(*of, way)]} of {read[(*of, way)]})" for way, ms in fastest.items())
        table.add_row(name, typed, *cells, f"{fastest['before'] / fastest['now']:.1f}")
    slowest = {way: max(min(times[(*place[::2], way)]) for place in places) for way in ways}
    table.add_row("slowest", "", *(f"{slow:.1f}" for slow in slowest.values()), "")
    return table


def _rows_read(search: Callable[[], object]) -> int:
    """How many rows the server took from tables and indexes for a search."""

    def told() -> int:
        with all_schools(db.session):
            rows = db.session.connection().execute(text("SHOW SESSION STATUS LIKE 'Handler_read%'")).all()
        return sum(int(row[1]) for row in rows)

    told()
    before_it = told()
    nothing = told() - before_it
    before_it = told()
    search()
    return told() - before_it - nothing


def main() -> int:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m bench.search")
    parser.add_argument("--students", type=int, default=50_000, help="of each of two schools")
    parser.add_argument("--rounds", type=int, default=9)
    given = parser.parse_args()
    with application(given.students), use_school(db.session, 1):
        with db.engine.connect() as connection:
            server = connection.execute(text("SELECT VERSION()")).scalar_one()
        console = Console(width=140)
        console.print(measure(given.rounds))
        console.print(f"{server}; {given.students:,} students in each of two schools, {given.rounds} rounds")
    return 0


if __name__ == "__main__":
    sys.exit(main())
