"""Starting and stopping private MariaDB and Redis servers, and any other child process, leaving none behind.

Used by deploy/with-services, deploy/stack and the bench.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from private_packages import Programs, ServicesUnavailable, cache_directory, locked

START_SECONDS = 60.0
LOOPBACK = "127.0.0.1"
PR_SET_PDEATHSIG = 1

# Nothing of a test run has to survive a power cut, so the server may skip every wait for the disk.
QUICK = (
    "--innodb-buffer-pool-size=64M",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-doublewrite=OFF",
    "--innodb-log-file-size=32M",
    "--innodb-flush-method=nosync",
    "--sync-frm=OFF",
)
DURABLE = (
    "--innodb-buffer-pool-size=256M",
    "--innodb-flush-log-at-trx-commit=1",
    "--innodb-doublewrite=ON",
    "--innodb-log-file-size=256M",
)
WEB = (
    *(".venv/bin/granian", "--interface", "wsgi", "--host", LOOPBACK),
    *("--workers", "2", "--blocking-threads", "4", "--backlog", "8192", "--backpressure", "4000"),
    *("--no-ws", "--respawn-failed-workers", "--workers-kill-timeout", "10", "--log-level", "warning"),
)


@dataclass(frozen=True)
class Child:
    """One process that this script started, in a session of its own, and the file that holds its output."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path


def free_port() -> int:
    """A loopback port that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def web_server(port: int, application: str = "wsgi:app") -> list[str]:
    """The command of a web server as in production, to be started in the project's folder."""
    return [*WEB, "--port", str(port), application]


def start_child(name: str, command: Sequence[str], *, environment: Mapping[str, str], log: Path) -> Child:
    """Start `command` with its output in `log`.

    It gets its own session, so that Ctrl-C in the terminal reaches only the script, which then stops its
    children in order; and it is told to die with the script, so that even `kill -9` leaves nothing running.
    """
    libc = ctypes.CDLL(None)

    def die_with_parent() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)

    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )
    return Child(name, process, log)


def stop_child(child: Child, *, seconds: float = 20.0) -> None:
    """Ask the process to end, wait, and end by force whatever of its session is left after `seconds`."""
    if child.process.poll() is None:
        child.process.terminate()
        try:
            child.process.wait(seconds)
        except subprocess.TimeoutExpired:
            print(f"{child.name} did not end within {seconds:.0f} s and is killed.", flush=True)
    try:
        os.killpg(child.process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return  # The whole session has ended, which is what is wanted.
    child.process.wait()


def last_lines(child: Child, *, lines: int = 20) -> str:
    """The end of the process's output, for the message that says why it is gone."""
    return "\n".join(child.log.read_text(errors="replace").splitlines()[-lines:])


def wait_until_ready(child: Child, ready: Callable[[], bool], *, seconds: float = START_SECONDS) -> None:
    """Return once `ready()` is true; raise ServicesUnavailable when the process ends or the time is up."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if child.process.poll() is not None:
            status = child.process.returncode
            raise ServicesUnavailable(f"{child.name} ended with status {status}:\n{last_lines(child)}")
        if ready():
            return
        time.sleep(0.05)
    raise ServicesUnavailable(f"{child.name} was not ready after {seconds:.0f} s:\n{last_lines(child)}")


def greets(port: int, *, send: bytes, expect: bytes) -> bool:
    """Whether the server on the port answers `send` (or greets unasked) with bytes that contain `expect`."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=0.5) as connection:
            connection.settimeout(0.5)
            if send:
                connection.sendall(send)
            return expect in connection.recv(256)
    except OSError:
        return False  # It is not listening yet; the caller asks again until its time is up.


def start_mariadb(
    programs: Programs, data: Path, *, port: int, run: Path, init_sql: str, options: Sequence[str]
) -> Child:
    """Start MariaDB on a loopback port with `data` as its directory, and wait until it takes connections.

    `init_sql` holds one statement a line and is run at every start. `run` must have a short path, because a
    Unix socket's may have 107 bytes.
    """
    init_file = run / "init.sql"
    init_file.touch(mode=0o600)
    init_file.write_text(init_sql)
    settings = [
        f"--datadir={data}",
        f"--port={port}",
        f"--bind-address={LOOPBACK}",
        f"--socket={run / 'mariadb.sock'}",
        f"--pid-file={run / 'mariadb.pid'}",
        f"--init-file={init_file}",
        f"--tmpdir={run}",
        "--skip-name-resolve",
        "--skip-log-bin",
        "--character-set-server=utf8mb4",
        "--collation-server=utf8mb4_unicode_ci",
        "--default-time-zone=+00:00",
        "--max-connections=200",
    ]
    command = [*_mariadbd(programs), *settings, *options]
    child = start_child("MariaDB", command, environment=programs.environment, log=run / "mariadb.log")
    try:
        wait_until_ready(child, lambda: greets(port, send=b"", expect=b"mysql_native_password"))
    except BaseException:
        stop_child(child)
        raise
    return child


def _mariadbd(programs: Programs) -> list[str]:
    command = [str(programs.mariadbd), "--no-defaults", f"--lc-messages-dir={programs.mariadb_share}"]
    command.append(f"--character-sets-dir={programs.mariadb_share / 'charsets'}")
    if os.getuid() == 0:
        command.append("--user=root")
    return command


def fresh_data_directory(programs: Programs, destination: Path) -> None:
    """Copy the initialised, empty data directory to `destination`, making it on first use (about 2 s)."""
    seed = cache_directory() / "data"
    with locked(cache_directory() / "data.lock"):
        if not seed.exists():
            _initialise(programs, seed)
    shutil.copytree(seed, destination)


def _initialise(programs: Programs, seed: Path) -> None:
    partial = seed.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    (partial / "mysql").mkdir(parents=True)
    scripts = ("mysql_system_tables.sql", "mysql_performance_tables.sql", "mysql_system_tables_data.sql")
    statements = "use mysql;\n" + "\n".join((programs.mariadb_share / name).read_text() for name in scripts)
    command = [*_mariadbd(programs), "--bootstrap", f"--datadir={partial}", "--innodb-log-file-size=32M"]
    done = subprocess.run(
        [*command, "--log-warnings=0", "--max-allowed-packet=8M"],
        env=programs.environment,
        input=statements.encode(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if done.returncode != 0:
        raise ServicesUnavailable(f"MariaDB could not set up its tables:\n{done.stdout.decode(errors='replace')}")
    partial.rename(seed)


def start_redis(programs: Programs, data: Path, *, port: int, run: Path, settings: Sequence[str]) -> Child:
    """Start Redis on a loopback port with `settings` (lines of redis.conf), and wait until it answers."""
    configuration = run / "redis.conf"
    configuration.touch(mode=0o600)
    fixed = [f"port {port}", f"bind {LOOPBACK}", f'dir "{data}"', "daemonize no"]
    configuration.write_text("\n".join([*fixed, *settings]) + "\n")
    command = [str(programs.redis_server), str(configuration)]
    child = start_child("Redis", command, environment=programs.environment, log=run / "redis.log")
    try:
        # A server with a password answers -NOAUTH, one that still loads its data -LOADING.
        wait_until_ready(
            child, lambda: any(greets(port, send=b"PING\r\n", expect=word) for word in (b"PONG", b"NOAUTH"))
        )
    except BaseException:
        stop_child(child)
        raise
    return child
