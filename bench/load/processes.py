"""Processes that the bench starts by the means of `make stack`: each ends with the bench, even where that is killed."""

from __future__ import annotations

import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.load.wire import HOST

ROOT = Path(__file__).resolve().parents[2]


class NotStarted(Exception):
    """Something did not start, or its schools could not be made; str() says where to look."""


def services() -> Any:
    """The module that starts and stops private servers. It stands beside the scripts that use it, in no package."""
    sys.path.insert(0, str(ROOT / "deploy"))
    try:
        import private_services  # type: ignore[import-not-found]
    finally:
        sys.path.remove(str(ROOT / "deploy"))
    return private_services


@contextmanager
def process(
    name: str, command: Sequence[str], *, environment: Mapping[str, str], log: Path, end_seconds: float = 20.0
) -> Iterator[Any]:
    """A child process for as long as the block runs, with its output in `log`; it may take so long to end."""
    child = services().start_child(name, command, environment=environment, log=log)
    try:
        yield child
    finally:
        services().stop_child(child, seconds=end_seconds)


@contextmanager
def web_server(
    port: int, *, environment: Mapping[str, str], log: Path, application: str = "wsgi:app"
) -> Iterator[None]:
    """A web server as in production, on a port. NotStarted where it does not answer."""
    command = services().web_server(port, application)
    with process(f"The web server on port {port}", command, environment=environment, log=log) as child:
        wait_for(child, lambda: answers(port))
        yield


def wait_for(child: Any, ready: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait until a process is ready. NotStarted, with the end of its output, where it ends or the time is up."""
    try:
        services().wait_until_ready(child, ready, seconds=seconds)
    except services().ServicesUnavailable as problem:
        raise NotStarted(str(problem)) from None


def answers(port: int) -> bool:
    """Whether the product answers on a port, with everything that it needs."""
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}/health/ready", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False  # It is not there yet; the caller asks again until its time is up.
