"""How far replicas are behind a run, so that it does not drown them: it pauses until they have caught up.

Runs ask before each batch and each exchange. What is measured is the way of the run's own lease: a run renews it in
every transaction, and a replica that shows the latest renewal has everything that was committed up to it. So no other
row has to be written, and what a server believes of its own lag does not matter.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, select
from sqlalchemy.exc import SQLAlchemyError

from school_app.archiving.lease import LEASE, LIVES, TABLE
from school_app.config import Settings
from school_app.core import clock
from school_app.core.db.engines import replica_engines
from school_app.core.replicas import behind

MOST_SECONDS = 1.0
# While a run waits: seconds between two looks, between two signs of life, and until it gives up.
LOOK_EVERY, SAY_EVERY, PATIENCE = 0.1, 5.0, 600.0


class ReplicasLag(RuntimeError):
    """A replica has not caught up for so long that the run has given up. str() says which, and what to do."""


@dataclass(frozen=True, slots=True)
class Beat:
    """A renewal of the lease that was committed: the run's token, and the moment until which the lease then lived."""

    token: int
    expires_at: datetime
    name: str = LEASE


class Replicas:
    """The replicas of the database, as FORMROOM_DATABASE_READ_URL names them."""

    def __init__(self, engines: Sequence[Engine] = ()) -> None:
        self._engines = engines

    @classmethod
    def of(cls, settings: Settings) -> Replicas:
        """Those that the settings name; there may be none."""
        return cls(replica_engines(settings))

    def lagging(self, beat: Beat) -> str | None:
        """Which replica is more than a second behind, or cannot be asked; None where none is."""
        for engine in self._engines:
            if (lag := _lag(engine, beat)) is None or lag > MOST_SECONDS:
                told = "an unknown time" if lag is None else f"{lag:.0f} s"
                return f"{engine.url.host}:{engine.url.port or 3306}, {told} behind"
        return None

    def waits(self, beat: Beat, is_over: Callable[[], bool]) -> Iterator[tuple[str | None, float]]:
        """Wait until none is far behind, or the run is over: now and then who lags, and the seconds since it was said.

        Where it has waited it says at its end that nobody lags (None). Raises ReplicasLag.
        """
        began = said = None
        while (lagging := self.lagging(beat)) is not None and not is_over():
            now = time.monotonic()
            began = began or now
            if now - began >= PATIENCE:
                raise ReplicasLag(
                    f"{lagging}: the run gave up after {PATIENCE / 60:.0f} minutes. Mend the replica, or take it out "
                    "of FORMROOM_DATABASE_READ_URL."
                )
            if said is None or now - said >= SAY_EVERY:
                yield lagging, now - (said or now)
                said = now
            time.sleep(LOOK_EVERY)
        if said is not None:
            yield None, time.monotonic() - said


def _lag(engine: Engine, beat: Beat) -> float | None:
    """Seconds that a replica is behind at most; None where it does not say."""
    statement = select(TABLE.c.token, TABLE.c.expires_at).where(TABLE.c.name == beat.name)
    try:
        with engine.connect() as connection:
            found = connection.execute(statement).first()
    except SQLAlchemyError:
        return None
    if found is None or found.token < beat.token or found.expires_at is None:
        return None
    if found.token > beat.token or found.expires_at >= beat.expires_at:
        return 0.0
    return behind(found.expires_at - LIVES, clock.now())
