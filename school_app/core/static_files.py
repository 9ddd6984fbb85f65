"""Static files for caches that keep them for a year: the address of a file holds the hash of what is in it.

create_app() makes the app of App, so that every url_for() of a static file, also those of extensions, gives such an
address, and installs the views behind them. Whatever is done for pages alone asks is_static().
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from flask import Flask, Response, send_from_directory
from werkzeug.security import safe_join

from school_app.config import Settings

FOR_EVER = "public, max-age=31536000, immutable"
# Of an address without a hash, as style sheets use, or with that of another release.
FOR_A_WHILE = "public, max-age=300"
HASHED = re.compile(r"^(?P<stem>.+)\.(?P<hash>[0-9a-f]{16})(?P<ending>\.\w+)$")


def is_static(endpoint: str | None) -> bool:
    """Whether an endpoint gives static files, Flask's own or a blueprint's: public, without session or school."""
    return endpoint == "static" or (endpoint or "").endswith(".static")


def prefixes(app: Flask) -> tuple[str, ...]:
    """What the addresses of an app's static files begin with, for whoever is asked before the address is matched."""
    return tuple(rule.rule.partition("<")[0] for rule in app.url_map.iter_rules() if is_static(rule.endpoint))


@dataclass(frozen=True, slots=True)
class Read:
    """A file as it was when its hash was computed."""

    changed: int
    size: int
    hash: str


class Hashes:
    """The hashes of static files: each file is read once, and again only where files may be edited meanwhile."""

    def __init__(self, *, may_change: bool) -> None:
        self._may_change = may_change
        self._read: dict[Path, Read] = {}
        self._lock = threading.Lock()

    def of(self, path: Path) -> str | None:
        """The hash of a file's content; None where there is no such file."""
        found = self._read.get(path)
        if found is not None and not self._may_change:
            return found.hash
        try:
            about = path.stat()
            if found is None or (found.changed, found.size) != (about.st_mtime_ns, about.st_size):
                content = sha256(path.read_bytes()).hexdigest()[:16]
                with self._lock:
                    found = self._read[path] = Read(about.st_mtime_ns, about.st_size, content)
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            return None
        return found.hash


class App(Flask):
    """A Flask app whose addresses of static files hold their hashes, and lie at a CDN where the settings name one."""

    def url_for(self, endpoint: str, **values: Any) -> str:
        """As Flask's. An address with a host, as asked for by _external, stays at this host."""
        if not is_static(endpoint) or "filename" not in values:
            return super().url_for(endpoint, **values)
        values["filename"] = self._hashed(endpoint, str(values["filename"]))
        address = super().url_for(endpoint, **values)
        settings: Settings = self.config["FORMROOM"]
        return f"{settings.static_url}{address}" if settings.static_url and address.startswith("/") else address

    def _hashed(self, endpoint: str, filename: str) -> str:
        path = _path(self, endpoint, filename)
        content = None if path is None else hashes(self).of(path)
        stem, dot, ending = filename.rpartition(".")
        return f"{stem}.{content}{dot}{ending}" if content and dot else filename


def init_app(app: App, settings: Settings) -> None:
    """Put the views in place of those that blueprints and the app itself have registered: last of all."""
    app.extensions["formroom.hashes"] = Hashes(may_change=settings.embedded or settings.testing)
    for endpoint in [one for one in app.view_functions if is_static(one)]:
        app.view_functions[endpoint] = _view(app, endpoint)


def hashes(app: Flask) -> Hashes:
    """The hashes of an app's files."""
    found: Hashes = app.extensions["formroom.hashes"]
    return found


def _folder(app: Flask, endpoint: str) -> str:
    owner = app.blueprints[endpoint.removesuffix(".static")] if "." in endpoint else app
    return str(owner.static_folder)


def _path(app: Flask, endpoint: str, filename: str) -> Path | None:
    """Where a file lies; None for a name that leads out of its folder."""
    found = safe_join(_folder(app, endpoint), filename)
    return None if found is None else Path(found)


def _view(app: Flask, endpoint: str) -> Callable[..., Response]:
    def give(filename: str) -> Response:
        """A file, by its name with or without a hash."""
        real, asked = _without_hash(app, endpoint, filename)
        answer = send_from_directory(_folder(app, endpoint), real)
        path = _path(app, endpoint, real)
        right = path is not None and asked is not None and hashes(app).of(path) == asked
        answer.headers["Cache-Control"] = FOR_EVER if right else FOR_A_WHILE
        return answer

    return give


def _without_hash(app: Flask, endpoint: str, filename: str) -> tuple[str, str | None]:
    """The name of the file that an address means, and the hash in it."""
    found = HASHED.match(filename)
    if found is None:
        return filename, None
    path = _path(app, endpoint, filename)
    if path is not None and path.is_file():
        # It is the file's own name.
        return filename, None
    return found["stem"] + found["ending"], found["hash"]
