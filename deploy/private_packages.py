"""Programs from the distribution's packages, unpacked into a cache without installing anything.

MariaDB and Redis for deploy/with-services and deploy/stack, pt-archiver for `make bench-audit`; needs nothing but
python3 and apt.
"""

from __future__ import annotations

import fcntl
import os
import platform
import pwd
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PACKAGES = ("mariadb-server-core", "mariadb-client-core", "redis-server")
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin"


class ServicesUnavailable(Exception):
    """A private service cannot be had; the message says which one, why, and what to do."""


@dataclass(frozen=True)
class Programs:
    """Where the servers' programs are, and the environment in which they find their libraries."""

    mariadbd: Path
    mariadb_share: Path
    redis_server: Path
    environment: dict[str, str]


def project_root() -> Path:
    """The checkout that these scripts belong to."""
    return Path(__file__).resolve().parent.parent


def cache_directory() -> Path:
    """Where packages and the empty data directory are kept: FORMROOM_SERVICES_CACHE, else .cache/services."""
    chosen = os.environ.get("FORMROOM_SERVICES_CACHE")
    return Path(chosen).resolve() if chosen else project_root() / ".cache" / "services"


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on `path`: two test runs that start together must not unpack over each other."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def find_programs() -> Programs:
    """The installed servers where both are on this machine, else the cached ones, fetched on first use.

    Raises ServicesUnavailable where they are neither installed nor to be had through apt.
    """
    search = os.environ.get("PATH", "") + ":" + SYSTEM_PATH
    mariadbd, redis_server = shutil.which("mariadbd", path=search), shutil.which("redis-server", path=search)
    if mariadbd and redis_server:
        share = Path(mariadbd).resolve().parent.parent / "share" / "mysql"
        return Programs(Path(mariadbd), share, Path(redis_server), dict(os.environ))
    cache = cache_directory()
    root = cache / "root"
    with locked(cache / "packages.lock"):
        if not (root / "usr" / "sbin" / "mariadbd").exists():
            _fetch(cache, root)
    return _cached_programs(root)


def _cached_programs(root: Path) -> Programs:
    library = root / "usr" / "lib" / f"{platform.machine()}-linux-gnu"
    paths = [str(library), os.environ.get("LD_LIBRARY_PATH", "")]
    environment = dict(os.environ) | {"LD_LIBRARY_PATH": ":".join(path for path in paths if path)}
    return Programs(root / "usr/sbin/mariadbd", root / "usr/share/mysql", root / "usr/bin/redis-server", environment)


def _apt_sources() -> list[str]:
    """Options of apt that name the distribution's own sources; third parties' would only be slow to ask."""
    for name in ("debian.sources", "ubuntu.sources"):
        sources = Path("/etc/apt/sources.list.d") / name
        if sources.exists():
            return ["-o", f"Dir::Etc::sourcelist={sources}", "-o", "Dir::Etc::sourceparts=/dev/null"]
    return []


def _apt_options(state: Path) -> list[str]:
    user = pwd.getpwuid(os.getuid()).pw_name
    private = {
        "Dir::State::Lists": state / "lists",
        "Dir::Cache": state / "cache",
        "APT::Sandbox::User": user,
        "Debug::NoLocking": 1,
        "Acquire::Languages": "none",
        "Acquire::Retries": 3,
    }
    options = ["-qq", *_apt_sources()]
    for key, value in private.items():
        options += ["-o", f"{key}={value}"]
    return options


def _fetch(cache: Path, root: Path) -> None:
    if shutil.which("apt-get") is None:
        raise ServicesUnavailable(
            "MariaDB and Redis are not installed and this machine has no apt-get to fetch them with: install "
            "both, or set FORMROOM_TEST_DATABASE_URL and FORMROOM_TEST_REDIS_URL to servers you have."
        )
    print("Fetching MariaDB and Redis (about 10 MB, the first time only)…", file=sys.stderr, flush=True)
    unpack(PACKAGES, root)


def unpack(packages: Sequence[str], root: Path, *, alone: Sequence[str] = ()) -> None:
    """Download `packages` with what they need that this machine lacks, and `alone` without, and unpack all into `root`.

    apt resolves against the machine's own list of installed packages, so only missing libraries are
    downloaded; its lists and archives live beside `root`, so that no root is needed and the system's stay as
    they are. Raises ServicesUnavailable.
    """
    state, unpacked = root.with_suffix(".apt"), root.with_suffix(".partial")
    for leftover in (state, unpacked, root):
        shutil.rmtree(leftover, ignore_errors=True)
    archives = state / "cache" / "archives"
    for directory in (state / "lists" / "partial", archives / "partial", unpacked):
        directory.mkdir(parents=True)
    options = _apt_options(state)
    _run("apt-get", *options, "update")
    _run("apt-get", *options, "install", "-y", "--no-install-recommends", "--download-only", *packages)
    if alone:
        _run("apt-get", *options, "download", *alone, folder=archives)
    for package in sorted(archives.glob("*.deb")):
        _run("dpkg-deb", "-x", str(package), str(unpacked))
    unpacked.rename(root)
    shutil.rmtree(state)


def _run(*command: str, folder: Path | None = None) -> None:
    environment = dict(os.environ) | {"LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()
        raise ServicesUnavailable(f"{_words(command)} failed while packages were fetched:\n{said}")


def _words(command: Sequence[str]) -> str:
    return " ".join((command[0], command[-1]))
