"""Whatever a page answers, nobody keeps it: pages, their errors, ways onward and files that are taken away."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from flask import Flask

from school_app.core.permissions import public
from tests.architecture.test_routes import PEOPLE, path_of, person, rules, worlds
from tests.factories import TwoSchools

__all__ = ["worlds"]


@pytest.mark.parametrize("who", PEOPLE)
def test_no_answer_of_a_page_may_be_kept(app: Flask, session: Any, worlds: TwoSchools, who: str) -> None:
    client = person(app, worlds, session, who)
    seen: Counter[int] = Counter()
    wrong = []
    for rule, method in rules(app):
        if method != "GET":
            continue
        path = path_of(app, rule, worlds.ours)
        with client.get(path) as answer:
            seen[answer.status_code // 100] += 1
            if answer.headers.get("Cache-Control") != "no-store, private":
                wrong.append(f"{path}: {answer.status_code}, {answer.headers.get('Cache-Control')}")
    assert not wrong, "\n".join(wrong)
    # Pages, ways onward and refusals were among them.
    assert {2, 3} <= set(seen) if who == "nobody" else {2, 4} <= set(seen), seen


def test_errors_may_not_be_kept_either(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    client = app.test_client()

    @public
    def fail() -> None:
        raise RuntimeError("broken")

    monkeypatch.setitem(app.view_functions, "accounts.forgot", fail)
    answers = {"/no/such/page": 404, "/logout": 405, "/password": 500, "/students/x": 404}
    for path, status in answers.items():
        answer = client.get(path)
        assert (answer.status_code, answer.headers["Cache-Control"]) == (status, "no-store, private"), path
