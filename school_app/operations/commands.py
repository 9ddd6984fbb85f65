"""The flask commands of operations.

school_app.cli registers them.
"""

from __future__ import annotations

import click

GROUPS: tuple[click.Group, ...] = ()
