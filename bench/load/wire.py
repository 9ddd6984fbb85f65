"""A browser's connection, as cheap as it can be, since the driver and the server share a machine: HTTP/1.1, kept alive.

bench.load.people gives each session one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

HOST = "127.0.0.1"
END = b"\r\n\r\n"


class Dropped(Exception):
    """The connection was refused, or ended before the answer was whole."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    body: bytes
    location: str | None = None


class _Line(asyncio.Protocol):
    """One connection; it carries one question at a time."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.is_open = False
        self._waiting: asyncio.Future[Answer] | None = None
        self._came = bytearray()
        self._head: tuple[int, str | None] | None = None
        self._body_at = self._end = 0
        self._is_last = False

    @property
    def has_come(self) -> bool:
        """Whether any of the answer to the last question has come."""
        return bool(self._came)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """As asyncio calls it."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - a TCP connection has no other.
        self.transport, self.is_open = transport, True

    def connection_lost(self, error: Exception | None) -> None:
        """As asyncio calls it."""
        self.is_open = False
        self._fail(f"the connection ended before the answer was whole: {error or 'closed by the server'}")

    def ask(self, question: bytes) -> asyncio.Future[Answer]:
        """Send a question; the answer comes, or Dropped is raised."""
        assert self.transport is not None  # noqa: S101 - Browser has connected it, and lets one ask at a time.
        self._waiting = asyncio.get_running_loop().create_future()
        self._came.clear()
        self._head = None
        self.transport.write(question)
        return self._waiting

    def data_received(self, data: bytes) -> None:
        """As asyncio calls it."""
        self._came += data
        if self._head is None:
            at = self._came.find(END)
            if at < 0:
                return
            try:
                self._read_head(bytes(self._came[:at]), at + len(END))
            except ValueError as problem:
                self._fail(str(problem))
                return
        if len(self._came) >= self._end and self._head is not None and self._waiting is not None:
            waiting, self._waiting = self._waiting, None
            if self._is_last:
                self.close()
            status, location = self._head
            if not waiting.done():
                waiting.set_result(Answer(status, bytes(self._came[self._body_at : self._end]), location))

    def _read_head(self, head: bytes, body_at: int) -> None:
        first, *lines = head.split(b"\r\n")
        status = int(first.split(b" ", 2)[1])
        fields = dict(_field(line) for line in lines)
        if b"content-length" not in fields and status not in (204, 304):
            raise ValueError(f"an answer {status} without a length, which this browser does not read")
        self._body_at, self._end = body_at, body_at + int(fields.get(b"content-length", 0))
        self._is_last = fields.get(b"connection", b"").lower() == b"close"
        location = fields.get(b"location")
        self._head = (status, location.decode() if location is not None else None)

    def _fail(self, why: str) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_exception(Dropped(why))
        self.close()

    def close(self) -> None:
        """End the connection."""
        self.is_open = False
        if self.transport is not None:
            self.transport.close()


def _field(line: bytes) -> tuple[bytes, bytes]:
    name, _, value = line.partition(b":")
    return name.strip().lower(), value.strip()


class Browser:
    """One session's browser. `reconnects` counts the times that the server had ended the silent connection.

    Where it does so in the moment in which a page is asked for, that is asked for again, as every browser does
    (RFC 9112, 9.3.1), and counted as one of the `repeats`. A form is not sent again.
    """

    def __init__(self, port: int, cookie: str = "", *, more: Mapping[str, str] | None = None) -> None:
        self._port, self._cookie = port, cookie
        sent = {"Host": f"{HOST}:{port}", **({"Cookie": cookie} if cookie else {}), **(more or {})}
        self._fields = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
        self._line: _Line | None = None
        # A line carries one question at a time; who asks a second one waits, as behind a slow page in one window.
        self._turn = asyncio.Lock()
        self.reconnects = self.repeats = 0

    def at(self, port: int) -> Browser:
        """The same session's browser at another server."""
        return Browser(port, self._cookie)

    @property
    def is_busy(self) -> bool:
        """Whether an answer is waited for."""
        return self._turn.locked()

    @property
    def is_open(self) -> bool:
        """Whether it is connected."""
        return self._line is not None and self._line.is_open

    async def connect(self) -> None:
        """Connect, where it is not. Raises Dropped."""
        if self.is_open:
            return
        if self._line is not None:
            self.reconnects += 1
        try:
            _, self._line = await asyncio.get_running_loop().create_connection(_Line, HOST, self._port)
        except OSError as error:
            raise Dropped(f"no connection: {error}") from None

    async def get(self, path: str) -> Answer:
        """Open a page. Raises Dropped."""
        question = f"GET {path} HTTP/1.1\r\n{self._fields}\r\n".encode()
        async with self._turn:
            was_open, silent = self.is_open, self._line
            try:
                return await self._ask(question)
            except Dropped:
                if not was_open or silent is None or silent.has_come:
                    raise
            self.repeats += 1
            return await self._ask(question)

    async def post(self, path: str, fields: dict[str, str]) -> Answer:
        """Send a form. Raises Dropped."""
        body = urlencode(fields).encode()
        form = f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n"
        async with self._turn:
            return await self._ask(f"POST {path} HTTP/1.1\r\n{self._fields}{form}\r\n".encode() + body)

    async def _ask(self, question: bytes) -> Answer:
        await self.connect()
        line = self._line
        assert line is not None  # noqa: S101 - connect() has made it.
        try:
            return await line.ask(question)
        except asyncio.CancelledError:
            # An answer that still comes would be taken for that to the next question.
            line.close()
            raise

    def close(self) -> None:
        """Leave."""
        if self._line is not None:
            self._line.close()
