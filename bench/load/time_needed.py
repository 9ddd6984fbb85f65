"""How long a measurement takes, told before it begins; the figures are from two cores and say the order alone."""

from __future__ import annotations

from bench.load.measured import Wishes
from bench.load.mix import SHOWN
from bench.load.stack import Size

# Seconds for a thousand students and a year of theirs, and what does not depend on them.
MAKING_A_YEAR, COUNTING_A_YEAR, CHECKING = 8.0, 1.5, 1.0
STARTING, ENDING, BESIDE = 30.0, 60.0, 10.0


def time_needed(size: Size, wishes: Wishes, *, with_layers: bool) -> str:
    """A sentence on what is about to be done, and how many minutes it takes."""
    thousands = size.students / 1000
    is_made = size.of_their_own is not None or (size.folder / "made").exists()
    making = 0.0 if is_made else thousands * size.years * (MAKING_A_YEAR + COUNTING_A_YEAR)
    climbing = wishes.steps * wishes.step_seconds
    alone = (len(SHOWN) + 1) * (wishes.alone_seconds + 0.5)
    # Two layers: one is away in the same server, one in another, which is asked for the mix as well.
    layers = 2 * alone + wishes.steady_seconds + BESIDE if with_layers else 0.0
    rounds = wishes.rounds * (alone + layers + wishes.steady_seconds)
    ending = wishes.steady_seconds + BESIDE + ENDING + thousands * CHECKING
    minutes = (STARTING + making + climbing + rounds + ending) / 60
    return (
        f"{size.schools} schools, about {minutes:.0f} minutes on two cores: {making / 60:.0f} to make them, "
        f"{climbing / 60:.0f} of rising rates, {rounds / 60:.0f} of {wishes.rounds} rounds, {ending / 60:.0f} to look "
        "at statements, writings and summaries."
    )
