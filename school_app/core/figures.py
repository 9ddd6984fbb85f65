"""How percentages are written: one decimal, by one rule, wherever a person reads them.

Rules, queries and pages use it; it knows neither the web nor the database.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

NBSP = "\N{NARROW NO-BREAK SPACE}"
Figure = Fraction | Decimal | float | int


def tenths(value: Figure) -> Decimal:
    """One decimal, cut and not rounded: 9.96 reads 9.9, so that it does not seem to have reached 10.

    A float is taken as it is written: 31.6 stays 31.6, though no float is exactly that.
    """
    exact = Fraction(repr(value)) if isinstance(value, float) else Fraction(value)
    return Decimal(int(exact * 10)).scaleb(-1)


# A float is not written as the fraction that it equals, so the types are told apart.
@lru_cache(maxsize=4096, typed=True)
def percent(value: Figure) -> str:
    """10.4 %, of a value from 0 to 100."""
    return f"{tenths(value)}{NBSP}%".replace("-", "−")


# The same few hundred pairs are asked for thousands of times: a page of a form shows twelve weeks of each student.
@lru_cache(maxsize=4096)
def attended(absent: int, counted: int) -> Decimal:
    """Attendance in percent: what the share absent leaves of 100, so that both as they are written add up to 100.0."""
    return 100 - tenths(Fraction(100 * absent, counted))
