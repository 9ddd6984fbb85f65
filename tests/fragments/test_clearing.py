"""flask cache clear: what is kept of a school, or of all, is forgotten, and nobody is logged out."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import Result
from flask import Flask

from school_app.core import fragments
from tests.factories import TwoSchools
from tests.fragments.kept import down
from tests.visits import log_in


def run(app: Flask, *words: str) -> Result:
    """What a command says, and how it ends."""
    with app.app_context():
        return app.test_cli_runner().invoke(args=["cache", "clear", *words])


def kept(store: fragments.Fragments) -> set[bytes]:
    """The schools, as they stand in the keys, of which something is kept."""
    pages = {key.split(b":")[1] for key in store._redis.scan_iter("s:*")}
    return pages | {key.split(b":")[2] for key in store._redis.scan_iter("cache:s:*")} - {b"0"}


def test_what_is_kept_of_one_school_is_forgotten_or_of_all(
    app: Flask, session: Any, two_schools: TwoSchools, store: fragments.Fragments
) -> None:
    session.commit()
    ours, theirs = (str(world.school.id).encode() for world in (two_schools.ours, two_schools.theirs))
    slug = two_schools.ours.school.slug
    visitors = [log_in(app.test_client(), world.form_master) for world in (two_schools.ours, two_schools.theirs)]
    for one in visitors:
        assert one.get("/").status_code == 200
    assert {ours, theirs} <= kept(store)
    assert run(app, "--school", slug).exit_code == 0
    assert ours not in kept(store)
    assert theirs in kept(store)
    answer = run(app)
    assert answer.exit_code == 0
    assert "forgotten" in answer.output
    assert theirs not in kept(store)
    assert [one.get("/").status_code for one in visitors] == [200, 200]


def test_what_cannot_be_forgotten_is_said(
    app: Flask, session: Any, store: fragments.Fragments, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = run(app, "--school", "nowhere")
    assert answer.exit_code != 0
    assert "There is no school 'nowhere'" in answer.output
    with monkeypatch.context() as patch:
        patch.setattr(store._redis, "scan_iter", down)
        answer = run(app)
        assert answer.exit_code != 0
        assert "Redis does not answer" in answer.output
    with monkeypatch.context() as patch:
        patch.setitem(app.extensions, "formroom.fragments", None)
        assert "FORMROOM_REDIS_URL is not set" in run(app).output
