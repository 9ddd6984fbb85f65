"""Random kills of archive runs: some in `make test`, three hundred in `make soak`, with their figures printed.

FORMROOM_SOAK_KILLS and FORMROOM_SOAK_SEED set how many, and which; the seed that was drawn is printed.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable

import pytest

from tests.audit.places import Place
from tests.audit.soak import Soak

# So that a check of everything stays quick, the log begins anew after so many rounds.
ROUNDS_A_LOG = 10


def soaked(place: Place, seed: int, kills: int, *, say: Callable[[str], None]) -> Soak:
    """Rounds until there were so many kills; what was found is told now and then, and at the end."""
    soak = Soak(place, seed)
    rounds = 0
    while soak.kills < kills and not soak.violations:
        if rounds % ROUNDS_A_LOG == 0:
            if rounds:
                say(soak.told())
            place.empty()
            soak.known = {}
        soak.round()
        rounds += 1
    soak.finish()
    say(soak.told())
    return soak


def hold(soak: Soak) -> None:
    assert soak.violations == [], soak.told()
    assert min(soak.checked, soak.reads, soak.written) > 0


def test_a_few_random_kills(place: Place) -> None:
    told: list[str] = []
    hold(soaked(place, seed=1, kills=4, say=told.append))
    assert "seed 1: 4 kills" in told[-1]


@pytest.mark.soak
def test_random_kills_beside_writers_and_readers(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    seed = int(os.environ.get("FORMROOM_SOAK_SEED") or random.randrange(10**6))
    with capsys.disabled():
        print(f"\n{place.version()}, seed {seed}: begun", flush=True)
        kills = int(os.environ.get("FORMROOM_SOAK_KILLS") or 300)
        soak = soaked(place, seed, kills, say=lambda told: print(told, flush=True))
    hold(soak)
