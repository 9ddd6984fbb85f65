"""Cached values are plain, belong to one school, and come back as they were."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from school_app.core.cache import JsonSerializer, cache, disk_config, school_cached, school_key
from school_app.core.db import REPLICA
from school_app.core.tenancy import NoSchool, enter_school, needed_school
from tests.factories import TwoSchools


def test_dates_moments_and_decimals_survive() -> None:
    value = {"on": date(2026, 5, 3), "at": datetime(2026, 5, 3, 8, tzinfo=UTC), "rate": Decimal("10.4"), "n": [1, None]}
    keeper = JsonSerializer()
    assert keeper.loads(keeper.dumps(value)) == value


@pytest.mark.parametrize("value", [object(), {1: "x"}, {"$t": "x"}, {1, 2}])
def test_what_is_not_plain_is_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        JsonSerializer().dumps(value)


def test_arguments_cannot_forge_the_key_of_another_value() -> None:
    assert school_key(1, "x", "a", "b") != school_key(1, "x", "a:b")
    assert school_key(1, "x", "a").startswith("s:1:x:")


def test_one_school_is_never_served_the_value_of_another(app: Any, session: Any, two_schools: TwoSchools) -> None:
    calls: list[int] = []

    @school_cached("answer", seconds=60)
    def answer(session: Any, word: str) -> dict[str, Any]:
        calls.append(needed_school(session))
        return {"school": needed_school(session), "word": word}

    with app.app_context():
        ours = [answer(session, "x"), answer(session, "x")]
        enter_school(session, two_schools.theirs.school.id)
        theirs = answer(session, "x")
        enter_school(session, None)
        with pytest.raises(NoSchool):
            answer(session, "x")
    assert [found["school"] for found in ours] == [two_schools.ours.school.id] * 2
    assert theirs["school"] == two_schools.theirs.school.id
    assert calls == [two_schools.ours.school.id, two_schools.theirs.school.id]


def test_what_a_replica_answers_is_not_kept(app: Any, session: Any, two_schools: TwoSchools) -> None:
    answers = iter(["of a replica", "of the primary", "never asked"])

    @school_cached("answer", seconds=60)
    def answer(session: Any) -> str:
        return next(answers)

    with app.app_context():
        session.info[REPLICA] = object()
        assert answer(session) == "of a replica"
        del session.info[REPLICA]
        assert [answer(session), answer(session)] == ["of the primary"] * 2


def test_the_cache_on_disk_keeps_and_gives_back_what_it_was_given(tmp_path: Path) -> None:
    app = Flask("disk")
    cache.init_app(app, config=disk_config(tmp_path))
    with app.app_context():
        for number in range(3):
            cache.set(f"s:1:{number}", {"on": date(2026, 5, 3), "number": number}, timeout=60)
        assert cache.get("s:1:2") == {"on": date(2026, 5, 3), "number": 2}
