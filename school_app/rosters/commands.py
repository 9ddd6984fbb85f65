"""The flask commands of rosters.

school_app.cli registers them.
"""

from __future__ import annotations

import click

GROUPS: tuple[click.Group, ...] = ()
