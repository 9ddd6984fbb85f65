"""Structured logs on standard error: JSON lines, or plain text on a terminal.

create_app() configures it; anyone may log. No names of students and no secrets go into a log.
"""

from __future__ import annotations

import logging
import sys

import structlog


def configure(level: str) -> None:
    """Set the level ("INFO") and the form of the lines."""
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer() if sys.stderr.isatty() else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _tracebacks() if not sys.stderr.isatty() else _unchanged,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        # Found anew for each line: a worker's child, or a test, may have put another stream there.
        logger_factory=lambda *arguments: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )


def _tracebacks() -> structlog.typing.Processor:
    # The values of local variables stay out of the log: a password or a note may be among them.
    return structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False))


def _unchanged(logger: object, name: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    return event
