"""Figures of the running product as Prometheus reads them: what requests cost, and what is read when it asks.

create_app() makes Metrics; they begin with a process's first request, so that commands, and workers with their forked
children, have none. Labels are endpoints and words of the program, never addresses, schools or people.
"""

from __future__ import annotations

import os
import shutil
import socket
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from flask import Flask
from sqlalchemy import Engine, event

from school_app.config import Settings
from school_app.core.costs import Cost

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry, Metric

log = structlog.get_logger()
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
# What requests note (costs.note), as counters: its name, what it means and, where it has one, its label.
CACHE_HIT, CACHE_MISS, CACHE_STALE, FAILED_LOG_IN = "cache hit", "cache miss", "cache stale", "failed log-in"
NOTED = {
    CACHE_HIT: ("formroom_cache_hits", "Values found in the cache", ("name",)),
    CACHE_MISS: ("formroom_cache_misses", "Values that had to be made, as they were not in the cache", ("name",)),
    CACHE_STALE: ("formroom_cache_stale", "Pages that were served while another request made them anew", ("name",)),
    FAILED_LOG_IN: ("formroom_failed_log_ins", "Log-ins that were refused for name or password", ()),
}


@dataclass(frozen=True, slots=True)
class Reading:
    """A figure that is read when somebody asks: by one label's values, or {"": value} where it has none."""

    name: str
    meaning: str
    values: Mapping[str, float]
    label: str = ""


class Meters:
    """The counters of one process, in files of `folder` that all processes of the web server share, or in memory."""

    def __init__(self, folder: Path | None, pool_most: int) -> None:
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            os.environ[FOLDER_VARIABLE] = str(folder)
        # The library decides while it is imported whether it keeps its values in files.
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

        disable_created_metrics()  # type: ignore[no-untyped-call]

        self.folder, self.registry = folder, CollectorRegistry()

        def counter(name: str, meaning: str, labels: tuple[str, ...] = ("endpoint",)) -> Counter:
            return Counter(name, meaning, labels, registry=self.registry)

        def gauge(name: str, meaning: str) -> Gauge:
            # Those of processes that are gone say nothing of the present.
            return Gauge(name, meaning, registry=self.registry, multiprocess_mode="livesum")

        labels = ("endpoint", "status")
        self._seconds = Histogram(
            "formroom_request_seconds", "Time of requests", labels, buckets=BUCKETS, registry=self.registry
        )
        self._statements = counter("formroom_statements", "Statements of requests")
        self._database = counter("formroom_database_seconds", "Time in which their statements ran")
        self._slow = counter("formroom_slow_statements", "Statements over FORMROOM_SLOW_MILLISECONDS")
        self._limited = counter("formroom_rate_limited", "Requests that were refused as too many")
        self._noted = {what: counter(*named) for what, named in NOTED.items()}
        self.pool_in_use = gauge("formroom_pool_in_use", "Connections to the database in use")
        gauge("formroom_pool_size", "Connections to the database that may be open at most").set(pool_most)

    def tell(self, cost: Cost, status: int) -> None:
        """Add a request that is over."""
        page = cost.endpoint
        self._seconds.labels(page, f"{status // 100}xx").observe(cost.seconds)
        if cost.statements:
            self._statements.labels(page).inc(cost.statements)
            self._database.labels(page).inc(cost.database)
        if cost.slow:
            self._slow.labels(page).inc(cost.slow)
        if status == 429:
            self._limited.labels(page).inc()
        for (what, which), times in cost.noted.items():
            meter = self._noted[what]
            (meter.labels(which) if which else meter).inc(times)


class Metrics:
    """The figures of one app in this process, and of its web server's other processes."""

    def __init__(self, settings: Settings) -> None:
        # One process, as in the embedded default and in tests, needs no files to tell what it knows.
        self._base = None if settings.embedded or settings.testing else settings.metrics_dir
        self._pool_most = settings.pool_size + settings.pool_overflow
        self._lock = threading.Lock()
        self._in_use = 0
        self._meters: Meters | None = None

    def tell(self, cost: Cost, status: int) -> None:
        """Add a request that is over; where the figures cannot be kept, the log says so and the answer goes out."""
        try:
            self._made().tell(cost, status)
        except OSError as error:
            log.warning("metrics_not_kept", error=str(error))

    def watch_pool(self, engine: Engine) -> None:
        """Count the engine's connections that are in use."""
        event.listen(engine, "checkout", lambda *_: self._use(1))
        event.listen(engine, "checkin", lambda *_: self._use(-1))

    def text(self, readings: Iterable[Reading]) -> bytes:
        """Every figure, and what was read just now, as Prometheus reads it. Raises OSError."""
        from prometheus_client import CollectorRegistry, generate_latest

        meters, asked = self._made(), CollectorRegistry()
        asked.register(_Read(readings))
        return generate_latest(_shared(meters)) + generate_latest(asked)

    def _use(self, more: int) -> None:
        with self._lock:
            self._in_use += more
            if self._meters is not None:
                self._meters.pool_in_use.set(self._in_use)

    def _made(self) -> Meters:
        if self._meters is None:
            with self._lock:
                if self._meters is None:
                    folder = None if self._base is None else folder_of_this_server(self._base)
                    self._meters = Meters(folder, self._pool_most)
                    self._meters.pool_in_use.set(self._in_use)
        return self._meters


class _Read:
    """Readings in the form that the library collects."""

    def __init__(self, readings: Iterable[Reading]) -> None:
        self._readings = list(readings)

    def collect(self) -> Iterator[Metric]:
        from prometheus_client.core import GaugeMetricFamily

        for one in self._readings:
            family = GaugeMetricFamily(one.name, one.meaning, labels=[one.label] if one.label else None)
            for value_of, value in one.values.items():
                family.add_metric([value_of] if one.label else [], value)
            yield family


def _shared(meters: Meters) -> CollectorRegistry:
    """What all processes of the server have kept; of those that are gone, what does not speak of the present."""
    if meters.folder is None:
        return meters.registry
    from prometheus_client import CollectorRegistry
    from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

    for path in meters.folder.glob("gauge_live*.db"):
        process = path.stem.rpartition("_")[2]
        if _started(int(process)) is None:
            mark_process_dead(process, str(meters.folder))  # type: ignore[no-untyped-call]
    together = CollectorRegistry()
    MultiProcessCollector(together, str(meters.folder))  # type: ignore[no-untyped-call]
    return together


def folder_of_this_server(base: Path) -> Path:
    """Where the processes of this process's web server, its parent, keep their figures.

    What servers of this host have left that are gone is removed, so that each server begins with nothing. The parent's
    start is part of the name, as its number is given anew.
    """
    host, parent = socket.gethostname(), os.getppid()
    own = base / f"{host}-{parent}-{_started(parent)}"
    for folder in base.glob(f"{host}-*-*"):
        _, process, started = folder.name.rsplit("-", 2)
        if folder != own and str(_started(int(process))) != started:
            shutil.rmtree(folder, ignore_errors=True)
    return own


def _started(process: int) -> int | None:
    """When a process of this host started, in ticks since the host did; None where there is no such process."""
    try:
        said = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return None
    # The name, in parentheses, may hold spaces; of what follows it the start is the twentieth word.
    return int(said.rpartition(")")[2].split()[19])


def of(app: Flask) -> Metrics:
    """The figures of an app."""
    found: Metrics = app.extensions["formroom.metrics"]
    return found


def init_app(app: Flask, settings: Settings) -> Metrics:
    """Give the app its figures."""
    made = Metrics(settings)
    app.extensions["formroom.metrics"] = made
    return made
