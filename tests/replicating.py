"""A primary and a replica of it, which tests start, stop and kill: of the kind of server on which the tests run."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from school_app.config import Settings
from school_app.core.db.engines import short_engine

DEPLOY = Path(__file__).parents[1] / "deploy"
# What is told to the one server is not for the other.
SETUP = (
    "SET sql_log_bin = 0; CREATE OR REPLACE USER root@'127.0.0.1';"
    "GRANT ALL PRIVILEGES ON *.* TO root@'127.0.0.1' WITH GRANT OPTION;"
).replace(";", ";\n")
# Of the options of the server on which the tests run, these are each server's own.
OWN = ("--datadir", "--socket", "--pid-file", "--port", "--init-file", "--skip-log-bin", "--innodb-redo-log-capacity")
PRIMARY, REPLICA = 0, 1


class Servers:
    """The two, with nothing in them but what is written to the primary. `start` starts one of them by its number."""

    def __init__(self, ports: tuple[int, int], start: Callable[[int], Any]) -> None:
        self.ports, self.start = ports, start
        self.processes = [start(PRIMARY), start(REPLICA)]

    def url(self, which: int, database: str = "log") -> str:
        """The address of a database on the primary or the replica."""
        return f"mysql+pymysql://root@127.0.0.1:{self.ports[which]}/{database}?charset=utf8mb4"

    def engine(self, which: int) -> Engine:
        """An engine of the test's own."""
        return create_engine(self.url(which, ""), poolclass=NullPool)

    def tell(self, which: int, *statements: str) -> None:
        """Have a server do something."""
        with self.engine(which).connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for statement in statements:
                connection.execute(text(statement))

    def ask(self, which: int, statement: str, **values: Any) -> Any:
        """One value that a server says."""
        with self.engine(which).connect() as connection:
            return connection.scalar(text(statement), values)

    def begin(self) -> None:
        """Make the database, and let the replica follow."""
        self.tell(PRIMARY, "CREATE DATABASE log CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci")
        self.tell(REPLICA, self.follow())
        self.apply()

    def follow(self) -> str:
        """The statement by which the replica follows the primary."""
        return (
            f"CHANGE MASTER TO master_host='127.0.0.1', master_port={self.ports[PRIMARY]}, master_user='root', "
            "master_use_gtid=slave_pos, master_connect_retry=1"
        )

    def apply(self) -> None:
        """Let the replica go on."""
        self.tell(REPLICA, "START SLAVE")

    def stand(self) -> None:
        """Let the replica take no more of what it is sent."""
        self.tell(REPLICA, "STOP SLAVE SQL_THREAD")

    def caught_up(self) -> None:
        """Wait until the replica has everything that the primary has just now."""
        position = self.ask(PRIMARY, "SELECT @@gtid_binlog_pos")
        assert self.ask(REPLICA, "SELECT MASTER_GTID_WAIT(:position, 60)", position=position) == 0

    def send(self, number: signal.Signals) -> None:
        """Send the replica's process a signal: it is stopped, goes on, or is killed."""
        process = self.processes[REPLICA].process
        process.send_signal(number)
        if number is signal.SIGKILL:
            process.wait()

    def start_replica(self) -> None:
        """Start the replica that was killed; it follows by itself."""
        self.processes[REPLICA] = self.start(REPLICA)


class MySqlServers(Servers):
    """The same, in the words of MySQL."""

    def follow(self) -> str:
        return (
            f"CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PORT={self.ports[PRIMARY]}, "
            "SOURCE_USER='root', SOURCE_AUTO_POSITION=1, SOURCE_CONNECT_RETRY=1, GET_SOURCE_PUBLIC_KEY=1"
        )

    def apply(self) -> None:
        self.tell(REPLICA, "START REPLICA")

    def stand(self) -> None:
        self.tell(REPLICA, "STOP REPLICA SQL_THREAD")

    def caught_up(self) -> None:
        position = self.ask(PRIMARY, "SELECT @@gtid_executed")
        assert self.ask(REPLICA, "SELECT WAIT_FOR_EXECUTED_GTID_SET(:position, 60)", position=position) == 0


@contextmanager
def servers_like(settings: Settings) -> Iterator[Servers]:
    """Two servers of the kind that the settings name; a test is skipped where a second MySQL cannot be had."""
    server = make_url(settings.database_url).set(database="").render_as_string(hide_password=False)
    with short_engine(replace(settings, database_url=server)).connect() as connection:
        is_mariadb = "MariaDB" in str(connection.scalar(text("SELECT VERSION()")))
        pid_file = str(connection.scalar(text("SELECT @@pid_file")))
    if is_mariadb:
        with mariadb_pair() as servers:
            yield servers
        return
    try:
        # A program of the same kind is at hand where the server runs on this machine, as another user's cannot be read.
        process = int(Path(pid_file).read_text())
        command = Path(f"/proc/{process}/cmdline").read_text().split("\0")[:-1]
    except OSError:
        pytest.skip("The MySQL server of the tests runs elsewhere, so that its program is not at hand for a replica.")
    with _mysql_pair([one for one in command if not one.startswith(OWN)]) as servers:
        yield servers


@contextmanager
def mariadb_pair() -> Iterator[Servers]:
    """Two MariaDB servers; they are gone afterwards."""
    with _services() as (services, packages, folder):
        programs = packages.find_programs()
        ports = (services.free_port(), services.free_port())

        def start(which: int) -> Any:
            run = folder / str(which)
            if not run.exists():
                run.mkdir()
                services.fresh_data_directory(programs, run / "data")
            options = (
                *services.QUICK,
                *(f"--server-id={which + 1}", f"--log-bin={run / 'bin'}", "--binlog-format=ROW"),
            )
            return services.start_mariadb(
                programs, run / "data", port=ports[which], run=run, init_sql=SETUP, options=options
            )

        with _stopping(Servers(ports, start), services) as servers:
            yield servers


@contextmanager
def _mysql_pair(command: list[str]) -> Iterator[Servers]:
    with _services() as (services, _, folder):
        ports = (services.free_port(), services.free_port())
        seed = folder / "seed"
        subprocess.run([*command, "--initialize-insecure", f"--datadir={seed}"], check=True, capture_output=True)
        (seed / "auto.cnf").unlink(missing_ok=True)

        def start(which: int) -> Any:
            run = folder / str(which)
            if not run.exists():
                run.mkdir()
                shutil.copytree(seed, run / "data")
            own = (f"--datadir={run / 'data'}", f"--socket={run / 'sock'}", f"--pid-file={run / 'pid'}")
            more = (f"--port={ports[which]}", f"--server-id={which + 1}", f"--log-bin={run / 'bin'}")
            gtid = ("--gtid-mode=ON", "--enforce-gtid-consistency=ON")
            child = services.start_child(
                "MySQL", [*command, *own, *more, *gtid], environment={}, log=folder / f"{which}.log"
            )
            services.wait_until_ready(child, lambda: services.greets(ports[which], send=b"", expect=b"caching_sha2"))
            return child

        with _stopping(MySqlServers(ports, start), services) as servers:
            yield servers


@contextmanager
def _services() -> Iterator[tuple[Any, Any, Path]]:
    sys.path.insert(0, str(DEPLOY))
    try:
        import private_packages  # type: ignore[import-not-found]
        import private_services  # type: ignore[import-not-found]
    finally:
        sys.path.remove(str(DEPLOY))
    with tempfile.TemporaryDirectory(prefix="formroom-", dir="/tmp") as folder:
        yield private_services, private_packages, Path(folder)


@contextmanager
def _stopping(servers: Servers, services: Any) -> Iterator[Servers]:
    try:
        yield servers
    finally:
        for child in reversed(servers.processes):
            services.stop_child(child)
