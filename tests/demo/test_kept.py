"""Schools are made although Redis, which may hold pages of others, does not answer; and it is said what to do."""

from __future__ import annotations

import click
import pytest
from flask import Flask
from redis.exceptions import ConnectionError as RedisDown

from school_app.core import fragments
from school_app.demo.commands import _forget_kept


def test_it_is_said_that_the_schools_are_made_and_what_redis_may_still_hold(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*args: object) -> int:
        raise RedisDown("no answer")

    monkeypatch.setattr(fragments.Fragments, "clear", down)
    with app.app_context(), pytest.raises(click.ClickException) as told:
        _forget_kept()
    assert "The schools are made, but Redis does not answer" in told.value.message
    assert "flask cache clear" in told.value.message
