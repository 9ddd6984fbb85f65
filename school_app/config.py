"""The settings of one process, read once from FORMROOM_* variables and checked before anything starts.

create_app() and the worker read it; everything else is given values.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import time
from pathlib import Path
from typing import Self

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

ENVIRONMENTS = ("production", "embedded", "test")
LEAST_SECRET = 32
EMBEDDED_SECRET = "embedded-default-not-for-production-use"  # noqa: S105 - refused in production below.
DIALECTS = ("mysql+pymysql", "mariadb+pymysql", "sqlite")
COLD_KEYS = ("DIR", "URL", "ENDPOINT", "REGION", "ACCESS_KEY", "SECRET_KEY")
MAIL_SCHEMES = ("console:", "file:", "smtp://", "smtps://")
# Connections to the database that a process keeps, and may open beyond them. Two web processes make thirty; whoever
# does one thing at a time needs one for its session, and one that the server may still be closing.
WEB_POOL, ONE_BY_ONE_POOL = (10, 5), (1, 1)


class BadSettings(Exception):
    """The environment cannot be used: the message names the variable and the remedy, never a secret's value."""


@dataclass(frozen=True, slots=True, repr=False)
class ColdSettings:
    """Where audit rows go after their years in the database: a folder, or a bucket where `bucket` is set.

    `bucket` is "name/prefix"; without keys the usual ones of the machine are looked for, as AWS's own tools do.
    """

    years: int = 2
    folder: Path | None = None
    bucket: str | None = None
    endpoint: str | None = None
    region: str | None = None
    access_key: str | None = None
    secret_key: str | None = None

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Self:
        """Read and check FORMROOM_AUDIT_COLD_*. Raises BadSettings."""
        found = {key: env.get(f"FORMROOM_AUDIT_COLD_{key}", "") or None for key in COLD_KEYS}
        if bool(found["ACCESS_KEY"]) != bool(found["SECRET_KEY"]):
            raise BadSettings("FORMROOM_AUDIT_COLD_ACCESS_KEY and FORMROOM_AUDIT_COLD_SECRET_KEY: set both or neither.")
        endpoint = found["ENDPOINT"]
        if endpoint and not endpoint.startswith(("https://", "http://")):
            raise BadSettings("FORMROOM_AUDIT_COLD_ENDPOINT must begin with https:// or http://.")
        years = _whole(env, "FORMROOM_AUDIT_COLD_YEARS", 2)
        if years < 1:
            raise BadSettings("FORMROOM_AUDIT_COLD_YEARS is 0; set it to 1 or more.")
        return cls(
            years=years,
            folder=Path(found["DIR"]).absolute() if found["DIR"] else None,
            bucket=_bucket(found["URL"]),
            endpoint=endpoint,
            region=found["REGION"],
            access_key=found["ACCESS_KEY"],
            secret_key=found["SECRET_KEY"],
        )


@dataclass(frozen=True, slots=True, repr=False)
class Settings:
    """Everything a process needs to know of its surroundings.

    `archive_database_url` is the same database under the account that may move audit rows; without it there is one
    account for everything.
    Sizes and times: pool_size and pool_overflow are connections, *_seconds are seconds, session_minutes is minutes.
    A statement that takes slow_milliseconds is logged.
    warm_at is when the first pages of the day are made ahead, by each school's own clock.
    What the processes of an installation open together is in core.connections.
    """

    environment: str
    database_url: str
    redis_url: str | None
    secret_key: str
    data_dir: Path
    base_url: str
    mail_url: str
    log_level: str = "INFO"
    trusted_proxies: int = 0
    secure_cookies: bool = True
    session_minutes: int = 30
    pool_size: int = WEB_POOL[0]
    pool_overflow: int = WEB_POOL[1]
    pool_recycle_seconds: int = 600
    pool_timeout_seconds: float = 2.0
    connect_timeout_seconds: int = 3
    io_timeout_seconds: int = 30
    statement_seconds: int = 5
    slow_milliseconds: int = 500
    metrics_token: str | None = None
    static_url: str | None = None
    metrics_dir: Path = Path("var/metrics")
    archive_database_url: str | None = None
    read_urls: tuple[str, ...] = ()
    replica_lag_seconds: int = 2
    fragments: bool = True
    warm_at: time = time(6, 30)
    cold: ColdSettings = field(default_factory=ColdSettings)

    @property
    def embedded(self) -> bool:
        """One process does it all: SQLite, sessions and cache on disk, jobs in threads."""
        return self.environment == "embedded"

    @property
    def testing(self) -> bool:
        return self.environment == "test"

    def as_archiver(self) -> Self:
        """The same settings with the account that may move audit rows."""
        return replace(self, database_url=self.archive_database_url or self.database_url)

    def one_by_one(self) -> Self:
        """The same settings for a process that does one thing at a time, as a worker and the scheduler do."""
        return replace(self, pool_size=ONE_BY_ONE_POOL[0], pool_overflow=ONE_BY_ONE_POOL[1])

    def __repr__(self) -> str:
        return f"<Settings {self.environment}>"

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Self:
        """Read and check the settings.

        Raises BadSettings where a variable is missing or cannot be used.
        """
        env = os.environ if env is None else env
        environment = _one_of(env, "FORMROOM_ENV", ENVIRONMENTS, default="production")
        embedded = environment == "embedded"
        data_dir = Path(env.get("FORMROOM_DATA_DIR", "var/run" if embedded else "var")).absolute()
        base_url = env.get("FORMROOM_BASE_URL", "http://127.0.0.1:8000").rstrip("/")
        return cls(
            environment=environment,
            database_url=_database_url(env, data_dir if embedded else None),
            redis_url=_redis_url(env, embedded),
            secret_key=_secret(env, embedded),
            data_dir=data_dir,
            base_url=base_url,
            mail_url=_mail_url(env, data_dir),
            log_level=_one_of(env, "FORMROOM_LOG_LEVEL", ("DEBUG", "INFO", "WARNING", "ERROR"), default="INFO"),
            trusted_proxies=_whole(env, "FORMROOM_TRUSTED_PROXIES", 0),
            secure_cookies=base_url.startswith("https://"),
            pool_size=_whole(env, "FORMROOM_POOL_SIZE", WEB_POOL[0], least=1),
            pool_overflow=_whole(env, "FORMROOM_POOL_OVERFLOW", WEB_POOL[1]),
            statement_seconds=_whole(env, "FORMROOM_STATEMENT_SECONDS", 5),
            slow_milliseconds=_whole(env, "FORMROOM_SLOW_MILLISECONDS", 500),
            metrics_token=_metrics_token(env),
            static_url=_static_url(env),
            metrics_dir=Path(env.get("FORMROOM_METRICS_DIR", "") or data_dir / "metrics").absolute(),
            archive_database_url=_archive_database_url(env, data_dir if embedded else None),
            read_urls=_read_urls(env),
            replica_lag_seconds=_whole(env, "FORMROOM_REPLICA_LAG_SECONDS", 2, least=1),
            fragments=_one_of(env, "FORMROOM_FRAGMENTS", ("on", "off"), default="on") == "on",
            warm_at=_time_of_day(env, "FORMROOM_WARM_AT", "06:30"),
            cold=ColdSettings.from_env(env),
        )


def _one_of(env: Mapping[str, str], key: str, allowed: tuple[str, ...], *, default: str) -> str:
    value = env.get(key, default)
    if value not in allowed:
        raise BadSettings(f"{key} is {value!r}; set it to one of: {', '.join(allowed)}.")
    return value


def _whole(env: Mapping[str, str], key: str, default: int, *, least: int = 0) -> int:
    value = env.get(key, "")
    if not value:
        return default
    if not value.isdigit() or int(value) < least:
        raise BadSettings(f"{key} is {value!r}; set it to a whole number, such as {default}.")
    return int(value)


def _time_of_day(env: Mapping[str, str], key: str, default: str) -> time:
    value = env.get(key, "") or default
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", value):
        raise BadSettings(f"{key} is {value!r}; set it to a time of the day, such as {default}.")
    return time.fromisoformat(value)


def _database_url(env: Mapping[str, str], embedded_in: Path | None) -> str:
    key = "FORMROOM_DATABASE_URL"
    value = env.get(key, "")
    if not value and embedded_in is not None:
        return f"sqlite:///{embedded_in / 'formroom.sqlite3'}"
    if not value:
        raise BadSettings(f"{key} is not set; set it to mysql+pymysql://USER:PASSWORD@HOST/DATABASE.")
    return _usable(key, value, embedded_in)


def _archive_database_url(env: Mapping[str, str], embedded_in: Path | None) -> str | None:
    key = "FORMROOM_ARCHIVE_DATABASE_URL"
    value = env.get(key, "")
    if not value:
        return None
    here, there = make_url(_database_url(env, embedded_in)), make_url(_usable(key, value, embedded_in))
    if (here.host, here.port, here.database) != (there.host, there.port, there.database):
        raise BadSettings(f"{key} names another database than FORMROOM_DATABASE_URL; only its account may differ.")
    return value


def _usable(key: str, value: str, embedded_in: Path | None) -> str:
    if _driver(key, value) == "sqlite" and embedded_in is None:
        raise BadSettings(f"{key} is a SQLite file; that is for FORMROOM_ENV=embedded only. Use MySQL or MariaDB.")
    return value


def _driver(key: str, url: str) -> str:
    try:
        name = make_url(url).drivername
    except ArgumentError:
        raise BadSettings(f"{key} is no database address; write mysql+pymysql://USER:PASSWORD@HOST/DATABASE.") from None
    if name not in DIALECTS:
        raise BadSettings(f"{key} names the driver {name!r}; use one of: {', '.join(DIALECTS)}.")
    return name


def _read_urls(env: Mapping[str, str]) -> tuple[str, ...]:
    key = "FORMROOM_DATABASE_READ_URL"
    found = tuple(url.strip() for url in env.get(key, "").split(",") if url.strip())
    if any(_driver(key, url) == "sqlite" for url in found):
        raise BadSettings(f"{key} names a SQLite file, which has no replicas; leave it out.")
    return found


def _redis_url(env: Mapping[str, str], embedded: bool) -> str | None:
    value = env.get("FORMROOM_REDIS_URL", "")
    if not value:
        if embedded:
            return None
        raise BadSettings("FORMROOM_REDIS_URL is not set; set it to redis://HOST:6379/0.")
    if not value.startswith(("redis://", "rediss://", "unix://")):
        raise BadSettings("FORMROOM_REDIS_URL must begin with redis://, rediss:// or unix://.")
    return value


def _secret(env: Mapping[str, str], embedded: bool) -> str:
    value = env.get("FORMROOM_SECRET_KEY", "")
    if embedded:
        return value or EMBEDDED_SECRET
    if not value:
        raise BadSettings(
            "FORMROOM_SECRET_KEY is not set; make one with: python3 -c 'import secrets; print(secrets.token_hex(32))'."
        )
    if len(value) < LEAST_SECRET or value == EMBEDDED_SECRET:
        raise BadSettings(
            f"FORMROOM_SECRET_KEY is a default or shorter than {LEAST_SECRET} characters; make a random one."
        )
    return value


def _metrics_token(env: Mapping[str, str]) -> str | None:
    value = env.get("FORMROOM_METRICS_TOKEN", "")
    if value and len(value) < LEAST_SECRET:
        raise BadSettings(f"FORMROOM_METRICS_TOKEN is shorter than {LEAST_SECRET} characters; make a random one.")
    if value and not re.fullmatch(r"[A-Za-z0-9._~+/-]+=*", value):
        raise BadSettings("FORMROOM_METRICS_TOKEN holds characters that no bearer token may; use letters and digits.")
    return value or None


def _static_url(env: Mapping[str, str]) -> str | None:
    value = env.get("FORMROOM_STATIC_URL", "").rstrip("/")
    # It goes into a header beside other words, so that nothing else may stand in it.
    if value and not re.fullmatch(r"https?://[A-Za-z0-9.-]+(:\d+)?", value):
        raise BadSettings("FORMROOM_STATIC_URL must be an origin without a path, as in https://cdn.example.org.")
    return value or None


def _bucket(url: str | None) -> str | None:
    if url is None:
        return None
    name = url.removeprefix("s3://").strip("/")
    if not url.startswith("s3://") or not name:
        raise BadSettings("FORMROOM_AUDIT_COLD_URL must name a bucket, as in s3://BUCKET/PREFIX.")
    return name


def _mail_url(env: Mapping[str, str], data_dir: Path) -> str:
    value = env.get("FORMROOM_MAIL_URL", "") or f"file:{data_dir / 'mail'}"
    if not value.startswith(MAIL_SCHEMES):
        raise BadSettings(f"FORMROOM_MAIL_URL must begin with one of: {', '.join(MAIL_SCHEMES)}.")
    return value
