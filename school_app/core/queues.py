"""Where jobs go: RQ on Redis, or threads of this process for the embedded default.

create_app() chooses; core.jobs sends.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import structlog
from flask import Flask
from redis import Redis
from rq import Queue as RedisQueue
from rq.serializers import JSONSerializer

from school_app.config import Settings
from school_app.core.jobs import QUEUES, Queue

log = structlog.get_logger()
ENTRY = "workers.carrying.carry_out"
FAILURE_SECONDS = 24 * 3600


def queue_for(app: Flask, settings: Settings) -> Queue:
    """The queue that the settings ask for."""
    if settings.redis_url is None:
        return ThreadQueue(app)
    return RqQueue(Redis.from_url(settings.redis_url, socket_timeout=2, socket_connect_timeout=1))


class RqQueue:
    """Jobs in Redis, as JSON: pickle would run whatever a writer to Redis puts there."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def put(self, job_run_id: int, *, queue: str) -> None:
        RedisQueue(queue, connection=self._redis, serializer=JSONSerializer).enqueue(
            ENTRY,
            job_run_id,
            job_timeout=QUEUES[queue],
            failure_ttl=FAILURE_SECONDS,
            result_ttl=3600,
        )


class ThreadQueue:
    """Jobs one after the other in a thread of this process."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._threads = ThreadPoolExecutor(max_workers=1, thread_name_prefix="jobs")

    def put(self, job_run_id: int, *, queue: str) -> None:
        self._threads.submit(self._carry_out, job_run_id)

    def _carry_out(self, job_run_id: int) -> None:
        from importlib import import_module

        try:
            with self._app.app_context():
                import_module("workers.carrying").carry_out(job_run_id)
        except Exception:
            log.exception("job_failed", job_run_id=job_run_id)
