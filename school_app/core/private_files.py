"""Files that only the product reads, by names that nobody can guess.

history.exports and rosters.uploads keep theirs so, in folders of the product's data.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import IO


def new_path(folder: Path, ending: str = "") -> Path:
    """Where the next file of a folder is to be; the folder is made, closed to everybody else."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder / f"{secrets.token_hex(16)}{ending}"


def create(path: Path) -> IO[bytes]:
    """The new file, open for writing and closed to everybody else. Raises FileExistsError where there is one."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
