"""The product as a web server's application that notes every statement: `bench.load.recording:app`.

Each process of the server writes what it has noted to a file of its own, in the folder that BENCH_STATEMENTS names.
bench.load.hottest reads them.
"""

from __future__ import annotations

import json
import os
import threading
import time
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

from bench.load.hottest import VARIABLE, WRITTEN_EVERY_SECONDS, Noted
from school_app import create_app
from school_app.core import statements

BEGAN = "bench_began"


class Notes:
    """What one process has noted, by the server and the statements' texts without values."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._noted: dict[str, Noted] = {}
        self._written_by: int | None = None

    def watch(self) -> None:
        """Note the statements of every engine of this process from now on."""
        event.listen(Engine, "before_cursor_execute", self._began)
        event.listen(Engine, "after_cursor_execute", self._ended)

    def _began(self, _: Any, _cursor: Any, _statement: str, _values: Any, context: Any, _many: bool) -> None:
        setattr(context, BEGAN, time.perf_counter())

    def _ended(self, on: Any, cursor: Any, statement: str, values: Any, context: Any, many: bool) -> None:
        seconds = time.perf_counter() - getattr(context, BEGAN)
        server = f"{on.engine.url.host}:{on.engine.url.port or 3306}"
        key = f"{server} {_without_values(statement)}"
        with self._lock:
            one = self._noted.get(key)
            if one is None:
                one = self._noted[key] = Noted(statements.named(statement), statements.asker(), server)
            one.count += 1
            one.seconds += seconds
            if seconds > one.slowest and not many:
                one.slowest = seconds
                one.example = cursor.mogrify(statement, values) if values else statement
            self._begin_to_write()

    def _begin_to_write(self) -> None:
        # A forked process has none of its parent's threads.
        if self._written_by != os.getpid():
            self._written_by = os.getpid()
            threading.Thread(target=self._write, daemon=True).start()

    def _write(self) -> None:
        path = self._folder / f"{os.getpid()}.json"
        while True:
            time.sleep(WRITTEN_EVERY_SECONDS)
            with self._lock:
                text = json.dumps({key: asdict(one) for key, one in self._noted.items()})
            # Whoever reads it finds the last whole one.
            path.with_suffix(".partial").write_text(text)
            path.with_suffix(".partial").rename(path)


_without_values = lru_cache(maxsize=10_000)(statements.without_values)

notes = Notes(Path(os.environ[VARIABLE]))
notes.watch()
app = create_app()
