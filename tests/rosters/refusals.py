"""What is said of a bundle that is looked at and not brought in; tests of bad input share it."""

from __future__ import annotations

from pathlib import Path
from typing import IO

import pytest

from school_app.rosters.bundle import open_bundle
from school_app.rosters.check import checked
from school_app.rosters.problems import ImportRefused, Problems


def told(path: Path) -> str:
    """What a bundle is refused with, and no more."""
    with pytest.raises(ImportRefused) as refused, open_bundle(path, path.name) as bundle, checked(bundle, Problems()):
        pass
    for problem in refused.value.problems:
        assert problem.message
        assert problem.remedy
    return str(refused.value)


def warned(path: Path) -> list[str]:
    """The notes on a bundle that passes."""
    problems = Problems()
    with open_bundle(path, path.name) as bundle, checked(bundle, problems):
        pass
    return [str(one) for one in problems.warnings]


def refused_with(file: Path | IO[bytes]) -> list[str]:
    """What a bundle is refused with; nothing where it passes."""
    try:
        with open_bundle(file, "b.zip") as bundle, checked(bundle, Problems()):
            pass
    except ImportRefused as refused:
        return [str(one) for one in refused.problems]
    return []
