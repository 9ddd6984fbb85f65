"""Generated schools are shown as they are, to the people who were generated."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import Connection, func, select, text

from school_app.alerts.models import Alert
from school_app.cases.models import Case
from school_app.core.db import db
from school_app.demo import load as demo
from school_app.students.models import Student
from tests.visits import TOKEN


def test_the_demo_is_told_from_generated_schools(generated: Flask) -> None:
    # What is generated is served as it is, and never taken for a place to load the demo into.
    with generated.app_context():
        assert demo.is_generated(db.session)
        with pytest.raises(demo.NotEmpty, match="not the demo’s"):
            demo.is_loaded(db.session)
        db.session.rollback()


@pytest.mark.parametrize(
    ("login", "paths"),
    [
        ("master", ("/", "/alerts", "/cases", "/students/{student}")),
        ("teacher", ("/", "/students/{student}")),
        ("head", ("/", "/alerts", "/cases")),
        ("admin", ("/", "/alerts", "/cases", "/students/{student}", "/alerts/{alert}", "/cases/{case}")),
        ("auditor", ("/audit", "/audit?from=2020-01-01")),
    ],
)
def test_pages_open_for_those_who_were_generated(
    generated: Flask, plain: Connection, login: str, paths: tuple[str, ...]
) -> None:
    client = generated.test_client()
    found = TOKEN.search(client.get("/login").text)
    assert found
    name = f"{login}@school-01"
    data = {"name": name, "password": demo.PASSWORD, "csrf_token": found.group(1)}
    assert client.post("/login", data=data).status_code == 303
    form = plain.execute(text("SELECT id FROM form WHERE school_id = 1 AND is_active ORDER BY id LIMIT 1")).scalar_one()
    ids = {
        "student": plain.execute(select(func.min(Student.id)).where(Student.form_id == form, Student.is_active)),
        "alert": plain.execute(select(func.max(Alert.id)).where(Alert.school_id == 1)),
        "case": plain.execute(select(func.max(Case.id)).where(Case.school_id == 1)),
    }
    known = {name: one.scalar_one() for name, one in ids.items()}
    for path in paths:
        answer = client.get(path.format(**known))
        assert answer.status_code == 200, f"{name} {path}: {answer.status_code}"
