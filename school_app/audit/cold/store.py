"""Where cold files lie: a folder of this machine or a bucket, behind one face.

create_app() installs the one that the settings name; audit/cold works with store().
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import IO, Any, Protocol

from flask import Flask, current_app

from school_app.config import ColdSettings, Settings
from school_app.core.errors import DomainError

EXTENSION = "formroom.cold"
CHUNK = 1024 * 1024
UNFINISHED = ".unfinished"


class ColdUnavailable(DomainError):
    """Cold storage cannot be used now; str() says why."""

    status = 503


class Store(Protocol):
    """A place of files. A file is there whole or not at all, and is never written over."""

    def create(self, path: str) -> Any:
        """A context with a stream to write; at its end the file is there, and stays through a loss of power."""

    def open(self, path: str) -> Any:
        """A seekable stream for reading. Raises ColdUnavailable where there is no such file or no answer."""

    def has(self, path: str) -> bool:
        """Whether there is such a file. Raises ColdUnavailable where that cannot be told."""

    def remove(self, path: str) -> None:
        """Take a file away; none is no error."""

    def paths(self) -> Iterator[str]:
        """Every file that is here, unfinished ones included."""

    def __str__(self) -> str:
        """Which place it is, as an operator knows it."""


class Folder:
    """Files below a folder, readable by the service's user alone."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def __str__(self) -> str:
        return f"the folder {self._root}"

    @contextmanager
    def create(self, path: str) -> Iterator[IO[bytes]]:
        """Write under a temporary name, then give the file its own."""
        target = self._root / path
        if target.exists():
            raise FileExistsError(path)
        self._make_folder(target.parent)
        unfinished = target.with_name(target.name + UNFINISHED)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        try:
            with os.fdopen(os.open(unfinished, flags, 0o600), "wb") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            os.rename(unfinished, target)
            _sync_folder(target.parent)
        except BaseException:
            with suppress(OSError):
                unfinished.unlink()
            raise

    def _make_folder(self, folder: Path) -> None:
        missing = [one for one in (folder, *folder.parents) if not one.exists()]
        for one in reversed(missing):
            one.mkdir(mode=0o700, exist_ok=True)
            _sync_folder(one.parent)

    def open(self, path: str) -> IO[bytes]:
        try:
            return (self._root / path).open("rb")
        except OSError as error:
            raise ColdUnavailable(f"Cold storage does not hold {path} any more, or cannot read it: {self}.") from error

    def has(self, path: str) -> bool:
        if not self._root.is_dir():
            raise ColdUnavailable("The directory of cold storage is not there; is it mounted?")
        return (self._root / path).is_file()

    def remove(self, path: str) -> None:
        target = self._root / path
        with suppress(FileNotFoundError):
            target.unlink()
            _sync_folder(target.parent)

    def paths(self) -> Iterator[str]:
        for path in self._root.rglob("*.parquet*"):
            yield path.relative_to(self._root).as_posix()


def _sync_folder(folder: Path) -> None:
    # Without it a file can be whole and its name forgotten.
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Bucket:
    """Objects of an S3-compatible bucket, which appear whole once their upload ends."""

    def __init__(self, settings: ColdSettings) -> None:
        self._settings = settings
        self._files: Any = None

    def __str__(self) -> str:
        return f"the bucket s3://{self._settings.bucket}"

    def _connected(self) -> Any:
        if self._files is None:
            from pyarrow import fs

            scheme, _, host = (self._settings.endpoint or "https://").partition("://")
            self._files = fs.S3FileSystem(
                access_key=self._settings.access_key,
                secret_key=self._settings.secret_key,
                region=self._settings.region,
                endpoint_override=host.rstrip("/") or None,
                scheme=scheme,
            )
        return self._files

    def _key(self, path: str) -> str:
        return f"{self._settings.bucket}/{path}"

    @contextmanager
    def create(self, path: str) -> Iterator[Any]:
        if self.has(path):
            raise FileExistsError(path)
        try:
            stream = self._connected().open_output_stream(self._key(path))
        except OSError as error:
            remedy = "Is there such a bucket, and may the keys that are set write to it?"
            raise ColdUnavailable(f"Nothing can be written to {self}. {remedy}") from error
        try:
            yield stream
        except BaseException:
            # A stream that is let go ends its upload all the same, and the broken object would stay.
            with suppress(OSError):
                stream.close()
                self.remove(path)
            raise
        stream.close()

    def open(self, path: str) -> Any:
        try:
            return self._connected().open_input_file(self._key(path))
        except OSError as error:
            raise ColdUnavailable(f"Cold storage does not hold {path} any more, or does not answer: {self}.") from error

    def has(self, path: str) -> bool:
        try:
            return bool(self._connected().get_file_info(self._key(path)).is_file)
        except OSError as error:
            raise ColdUnavailable("The bucket of cold storage does not answer.") from error

    def remove(self, path: str) -> None:
        with suppress(FileNotFoundError):
            self._connected().delete_file(self._key(path))

    def paths(self) -> Iterator[str]:
        from pyarrow import fs

        selector = fs.FileSelector(str(self._settings.bucket), recursive=True, allow_not_found=True)
        for one in self._connected().get_file_info(selector):
            if one.is_file:
                yield one.path.removeprefix(f"{self._settings.bucket}/")


def fingerprint(place: Store, path: str) -> tuple[str, int]:
    """The SHA-256 of a file's bytes, and how many they are, as they are read back."""
    digest, size = sha256(), 0
    with place.open(path) as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return digest.hexdigest(), size


def init_app(app: Flask, settings: Settings) -> None:
    """Choose the store that the settings name; nothing is read or made yet."""
    cold = settings.cold
    folder = cold.folder or settings.data_dir / "cold"
    app.extensions[EXTENSION] = Bucket(cold) if cold.bucket else Folder(folder)


def store() -> Store:
    """The store of this app."""
    found: Store = current_app.extensions[EXTENSION]
    return found
