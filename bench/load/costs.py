"""What pages cost the server by its own account: statements and time in the database, as /metrics tells them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from bench.load.mix import Odd
from bench.load.wire import Browser

METRICS = "/metrics"
_LINE = re.compile(r'^(formroom_\w+)\{[^}]*endpoint="([^"]+)"[^}]*\} (\S+)$', re.MULTILINE)
REQUESTS, STATEMENTS = "formroom_request_seconds_count", "formroom_statements_total"
DATABASE = "formroom_database_seconds_total"


@dataclass(frozen=True, slots=True)
class Costs:
    """Requests of an endpoint so far, their statements, and the seconds in which these ran."""

    requests: float = 0.0
    statements: float = 0.0
    database: float = 0.0

    def __add__(self, other: Costs) -> Costs:
        return Costs(self.requests + other.requests, self.statements + other.statements, self.database + other.database)

    def __sub__(self, before: Costs) -> Costs:
        return Costs(
            self.requests - before.requests, self.statements - before.statements, self.database - before.database
        )

    @property
    def statements_each(self) -> float:
        """Statements of one request on average; 0 where there was none."""
        return self.statements / self.requests if self.requests else 0.0

    @property
    def database_ms_each(self) -> float:
        """Milliseconds of one request in the database on average; 0 where there was none."""
        return 1000 * self.database / self.requests if self.requests else 0.0


class Meter:
    """Asks a server for what its requests have cost."""

    def __init__(self, port: int, token: str | None) -> None:
        self._port, self._more = port, {"Authorization": f"Bearer {token}"}

    async def costs(self) -> Mapping[str, Costs]:
        """What every endpoint has cost since the server began. Odd where the server does not say."""
        # Asked so seldom that the server would have ended a connection that was kept.
        browser = Browser(self._port, more=self._more)
        answer = await browser.get(METRICS)
        browser.close()
        if answer.status != 200:
            raise Odd(f"{answer.status} from {METRICS}")
        return read(answer.body.decode())


def read(text: str) -> Mapping[str, Costs]:
    """The costs by endpoint in Prometheus's text."""
    sums: dict[str, dict[str, float]] = {}
    for name, endpoint, value in _LINE.findall(text):
        if name in (REQUESTS, STATEMENTS, DATABASE):
            of_endpoint = sums.setdefault(endpoint, {})
            of_endpoint[name] = of_endpoint.get(name, 0.0) + float(value)
    return {
        endpoint: Costs(found.get(REQUESTS, 0.0), found.get(STATEMENTS, 0.0), found.get(DATABASE, 0.0))
        for endpoint, found in sums.items()
    }
