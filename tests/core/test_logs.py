"""What the log says of a failure, and what it keeps to itself."""

from __future__ import annotations

import json

import pytest
import structlog

from school_app.core import logs


def test_a_failure_is_logged_with_its_place_but_without_the_values_it_met(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("INFO")
    try:
        secret = "the password that somebody typed"
        raise ValueError(f"of length {len(secret)}")
    except ValueError:
        structlog.get_logger().exception("request_failed")
    line = capsys.readouterr().err
    assert json.loads(line)["exception"][0]["exc_type"] == "ValueError"
    assert "somebody typed" not in line
