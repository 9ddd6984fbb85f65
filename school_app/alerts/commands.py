"""flask alerts: judge students by hand.

school_app.cli registers them.
"""

from __future__ import annotations

from datetime import date

import click

from school_app.alerts.evaluation import BATCH, Evaluation, evaluate, students_to_evaluate
from school_app.alerts.rules.episodes import Move
from school_app.alerts.sources import sources
from school_app.core import clock
from school_app.core.acting import Acting, act_as
from school_app.core.db import db
from school_app.core.tenancy import use_school
from school_app.core.terminal import DAY
from school_app.schools.chosen import SCHOOL, open_schools


@click.group()
def alerts() -> None:
    """Alerts: judging students by their school's thresholds."""


@alerts.command("evaluate")
@SCHOOL
@click.option("--as-of", type=DAY, help="The day to judge as of; today without it.")
@click.option("--reasons", default=0, show_default=True, help="Print so many reasons of each school's new alerts.")
def run(slug: str | None, as_of: date | None, reasons: int) -> None:
    """Judge every student: alerts open, worsen and resolve. Doing it twice changes nothing the second time."""
    act_as(db.session, Acting(actor_name="flask alerts evaluate"))
    for school in open_schools(db.session, slug):
        day = as_of or clock.today(school.timezone)
        with use_school(db.session, school.id):
            _print(school.name, _judge(day), day, reasons=reasons)


def _judge(day: date) -> Evaluation:
    done = Evaluation()
    ids = students_to_evaluate(db.session)
    for start in range(0, len(ids), BATCH):
        done.add(evaluate(db.session, sources(), ids[start : start + BATCH], as_of=day))
        db.session.commit()
    return done


def _print(name: str, done: Evaluation, day: date, *, reasons: int) -> None:
    click.echo(f"{name}, as of {day.isoformat()}")
    click.echo(f"  students judged           {done.students:>6}")
    click.echo(f"  with enough days          {done.judged:>6}")
    click.echo(f"  attendance under 90 %     {done.under_90:>6}")
    click.echo(f"  chronic absence           {done.chronic:>6}")
    moves = f"{done.raised} raised, {done.count(Move.WORSEN)} worsened, {done.count(Move.RESOLVE)} resolved"
    click.echo(f"  alerts                    {moves}")
    for student, reason in done.reasons[:reasons]:
        click.echo(f"    {student}: {reason}")


GROUPS: tuple[click.Group, ...] = (alerts,)
