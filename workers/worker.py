"""The job worker: `python -m workers.worker [QUEUE…]`, of all queues where none is named.

RQ forks a child for each job; the app is made once, in the parent. core.jobs says which queues there are.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from flask import Flask
from redis import Redis
from rq import Queue, Worker
from rq.job import Job
from rq.serializers import JSONSerializer

from school_app import create_app
from school_app.config import Settings
from school_app.core.jobs import QUEUES

# The work-horse must find the jobs loaded already: importing them in each child would cost more than most jobs.
from workers import jobs as jobs


class AppWorker(Worker):
    """An RQ worker whose jobs run inside the app."""

    app: Flask

    def perform_job(self, job: Job, queue: Queue) -> bool:
        """Run one job in its forked child, in an app context of its own."""
        with self.app.app_context():
            return bool(super().perform_job(job, queue))


def make_worker(app: Flask, names: Sequence[str] = tuple(QUEUES)) -> AppWorker:
    """A worker for some queues of the app's Redis."""
    settings = app.config["FORMROOM"]
    if settings.redis_url is None:
        raise SystemExit("FORMROOM_REDIS_URL is not set; without Redis jobs run in the web process itself.")
    connection = Redis.from_url(settings.redis_url)
    queues = [Queue(name, connection=connection, serializer=JSONSerializer) for name in names]
    worker = AppWorker(queues, connection=connection, serializer=JSONSerializer)
    worker.app = app
    return worker


def main(arguments: Sequence[str]) -> int:
    """Work until told to end."""
    if unknown := set(arguments) - set(QUEUES):
        raise SystemExit(f"There is no queue {', '.join(sorted(unknown))}; the queues are {', '.join(QUEUES)}.")
    worker = make_worker(create_app(Settings.from_env().one_by_one()), arguments or tuple(QUEUES))
    worker.work(logging_level="WARNING")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
