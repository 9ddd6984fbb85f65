"""After the load: whether summaries say what the rows say that the load has changed, by `flask summaries check`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from bench.load.processes import ROOT

_LINE = re.compile(r": (\d+) rows compared, (\d+) differences(?:, (\d+) days still due)?")


@dataclass(frozen=True, slots=True)
class Summed:
    """What the command said: rows compared from a day on, differences, days passed over; its status and last line."""

    first_day: date
    rows: int
    differences: int
    waiting: int
    status: int
    last_line: str
    seconds: float


def check_summaries(environment: Mapping[str, str], first_day: date) -> Summed:
    """Have the summaries of all schools compared from a day on; `environment` is that of the stack."""
    started = time.monotonic()
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "summaries", "check", "--from", first_day.isoformat()]
    own = {**os.environ, **environment}
    done = subprocess.run(command, cwd=ROOT, env=own, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return said(done.stdout.decode(), first_day, status=done.returncode, seconds=time.monotonic() - started)


def said(output: str, first_day: date, *, status: int, seconds: float) -> Summed:
    """What the command's output says."""
    found = [[int(number or 0) for number in one.groups()] for one in _LINE.finditer(output)]
    rows, differences, waiting = (sum(one[at] for one in found) for at in range(3))
    last_line = (output.strip().splitlines() or ["nothing was printed"])[-1]
    return Summed(first_day, rows, differences, waiting, status=status, last_line=last_line, seconds=seconds)
