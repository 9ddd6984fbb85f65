"""Which person is master of which form in which year, and under which log-in each is known.

making.py calls it before the students come.
"""

from __future__ import annotations

import math
import random

from school_app.core.permissions import Role
from school_app.demo.generated.calendar import DAY, SchoolCalendar
from school_app.demo.generated.loading import Numbers
from school_app.demo.generated.people import (
    MASTER_CHANGES,
    MASTER_CHANGES_IN_YEAR,
    SETTLED_DAYS,
    STUDENTS_A_TEACHER,
    Duty,
    FormYear,
    Names,
    People,
    Person,
    letter,
)
from school_app.demo.generated.plan import FIRST_YEAR_GROUP, SchoolPlan

MASTER = (Role.FORM_MASTER, Role.TEACHER)
Forms = dict[tuple[int, int, int], FormYear]


def hire(plan: SchoolPlan, names: Names, numbers: Numbers, dice: random.Random) -> People:
    """The staff of a school: a teacher for so many students, a head for each year group, an admin and an auditor."""
    groups = len(plan.cohorts)
    count = max(math.ceil(plan.students / STUDENTS_A_TEACHER), groups * plan.letters + 3)
    first = numbers.take("account", count + groups + 2)
    everyone = [Person(first + place, *names.draw(dice)) for place in range(count + groups + 2)]
    staff, heads, (admin, auditor) = everyone[:count], everyone[count:-2], everyone[-2:]
    for place, head in enumerate(heads):
        head.login, head.roles = "head" if not place else f"head-{FIRST_YEAR_GROUP + place}", (Role.HEAD_OF_YEAR,)
    admin.login, admin.roles = "admin", (Role.SCHOOL_ADMIN,)
    auditor.login, auditor.roles = "auditor", (Role.AUDITOR,)
    return People(staff, heads, admin, auditor)


def make_forms(plan: SchoolPlan, days: SchoolCalendar, numbers: Numbers) -> Forms:
    """The forms of all years, by year, year group and letter."""
    return {
        (year.number, group, at): FormYear(numbers.next("form"), year, group, f"{FIRST_YEAR_GROUP + group}{letter(at)}")
        for year in days.years
        for group in range(len(plan.cohorts))
        for at in range(plan.letters)
    }


def appoint(people: People, forms: Forms, days: SchoolCalendar, dice: random.Random) -> None:
    """Give every form its master, who mostly stays with the cohort, and the staff their log-ins."""
    # The first person takes over the youngest form of the present year, and nothing before.
    shown, pool = people.staff[0], people.staff[1:]
    by_cohort: dict[tuple[int, int], Person] = {}
    oldest = max(group for _, group, _ in forms)
    for (number, group, at), form in forms.items():
        free = _free(pool, by_cohort)
        master = by_cohort.pop((number - group, at), None)
        if master is None or (free and dice.random() < MASTER_CHANGES):
            master = dice.choice(free)
        if form.year is days.present and not group and not at:
            master = shown
        by_cohort[number - group, at] = master
        end = None if form.year is days.present else form.year.ends_on
        form.masters.append(Duty(master, form.year.starts_on, end))
        if master is not shown and (now := _in_the_year(form, pool, by_cohort, days, dice)):
            by_cohort[number - group, at] = now
        if group == oldest:
            by_cohort.pop((number - group, at))
    people.forms.extend(forms.values())
    _name(people, days)


def _free(pool: list[Person], by_cohort: dict[tuple[int, int], Person]) -> list[Person]:
    busy = set(by_cohort.values())
    return [one for one in pool if one not in busy]


def _in_the_year(
    form: FormYear,
    pool: list[Person],
    by_cohort: dict[tuple[int, int], Person],
    days: SchoolCalendar,
    dice: random.Random,
) -> Person | None:
    """Who takes over in the course of the year, where somebody does."""
    within = range(form.year.begin + SETTLED_DAYS, form.year.end)
    free = _free(pool, by_cohort)
    if not within or not free or dice.random() >= MASTER_CHANGES_IN_YEAR:
        return None
    on = days.days[dice.choice(within)]
    form.masters[0].last = on - DAY
    end = None if form.year is days.present else form.year.ends_on
    form.masters.append(Duty(dice.choice(free), on, end))
    return form.masters[-1].person


def _name(people: People, days: SchoolCalendar) -> None:
    """Log-ins and roles: masters of the present year have their form's name, the others are numbered."""
    present = {form.masters[-1].person: form for form in people.forms if form.year is days.present}
    number = 0
    for person in people.staff:
        if (form := present.get(person)) is not None:
            person.login = f"master-{form.name.lower()}" if person is not people.staff[0] else "master"
            person.roles = MASTER
            continue
        number += 1
        person.login = "teacher" if number == 1 else f"teacher-{number}"
