"""What a form's day counts is what the history of each of its students says, whoever came, left or moved."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from school_app.alerts.facts import HALVES, WHOLE_DAY, AttendanceCategory, EnrolledSpan
from school_app.alerts.school_days import usual_days
from school_app.summaries.rules import NO_FORM, Happening, Place, Raw, Tally, count, form_on, tally

FIRST = date(2026, 9, 7)
LAST = FIRST + timedelta(9)
DAYS = [FIRST + timedelta(number) for number in range(10)]
SESSIONS = ("AM", "PM", "DAY")
near = st.integers(-4, 14).map(lambda number: FIRST + timedelta(number))


@st.composite
def places(draw: st.DrawFn) -> list[Place]:
    """At most two places of a student, each within the form's year or beyond it."""
    found = []
    for number in range(draw(st.integers(1, 2))):
        starts_on = draw(near)
        ends_on = draw(st.none() | near.map(lambda on: max(on, starts_on)))  # noqa: B023 - called at once.
        year_ends_on = draw(near | st.just(LAST + timedelta(90)))
        in_year = EnrolledSpan(starts_on, min(ends_on or year_ends_on, year_ends_on))
        form_id = draw(st.integers(1, 3))
        found.append(Place(form_id, EnrolledSpan(starts_on, ends_on), in_year, order=(starts_on, number)))
    return found


@st.composite
def raws(draw: st.DrawFn) -> Raw:
    """A small school's ten days."""
    keys = st.tuples(st.sampled_from(DAYS), st.sampled_from(SESSIONS))
    taken = draw(
        st.dictionaries(st.tuples(st.integers(1, 3), st.sampled_from(DAYS)), st.sets(st.sampled_from(SESSIONS)))
    )
    return Raw(
        FIRST,
        LAST,
        sorted(draw(st.sets(st.sampled_from(DAYS)))),
        draw(st.sampled_from([HALVES, frozenset({WHOLE_DAY})])),
        places=draw(st.dictionaries(st.integers(1, 8), places(), max_size=8)),
        taken=taken,
        exceptions=draw(
            st.dictionaries(st.integers(1, 9), st.dictionaries(keys, st.sampled_from(AttendanceCategory), max_size=6))
        ),
    )


def by_students(raw: Raw) -> dict[tuple[date, int], Tally]:
    """The same figures by the history of each student, one after the other."""
    found: dict[tuple[date, int], Tally] = defaultdict(Counter)
    for student_id, own in raw.places.items():
        registers = [
            (on, part)
            for (form_id, on), parts in raw.taken.items()
            for part in parts
            if any(place.form_id == form_id and place.span.covers(on) for place in own)
        ]
        usual = usual_days(
            LAST,
            registers,
            instructional_days=raw.days,
            enrolled=[place.span for place in own],
            sessions_of_day=raw.sessions,
        )
        for facts in usual.excepted(raw.exceptions.get(student_id, {})):
            if facts and (form_id := form_on(own, facts[0].on)) != NO_FORM:
                found[facts[0].on, form_id].update(tally(facts))
    return found


def known(figures: Tally) -> Tally:
    """The sessions among a day's figures."""
    return Counter({name: figures[name] for name in (*AttendanceCategory, "unknown") if figures[name]})


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(raws())
def test_a_forms_day_is_the_sum_of_its_students_histories(raw: Raw) -> None:
    found, wanted = count(raw), by_students(raw)
    for key in found.keys() | wanted.keys():
        assert known(found.get(key, Counter())) == known(wanted.get(key, Counter())), key


def test_who_is_in_two_forms_is_counted_in_the_one_they_came_to_last() -> None:
    earlier = Place(1, EnrolledSpan(FIRST, None), EnrolledSpan(FIRST, LAST), order=(FIRST, 1))
    later = Place(2, EnrolledSpan(DAYS[3], None), EnrolledSpan(DAYS[3], LAST), order=(DAYS[3], 2))
    assert [form_on([earlier, later], on) for on in (DAYS[2], DAYS[3])] == [1, 2]


def test_what_happens_to_a_student_of_no_form_is_counted_beside_the_forms() -> None:
    raw = Raw(
        FIRST, LAST, DAYS, HALVES, places={}, taken={}, exceptions={}, happenings=[Happening(7, FIRST, "incidents")]
    )
    assert count(raw) == {(FIRST, NO_FORM): Counter(incidents=1)}


def test_a_missing_register_is_told_beside_the_sessions_that_it_leaves_unknown() -> None:
    place = Place(1, EnrolledSpan(FIRST, None), EnrolledSpan(FIRST, LAST), order=(FIRST, 1))
    raw = Raw(FIRST, FIRST, [FIRST], HALVES, places={5: [place], 6: [place]}, taken={(1, FIRST): {"AM"}}, exceptions={})
    assert count(raw)[FIRST, 1] == Counter(enrolled=2, present=2, unknown=2, registers_taken=1, registers_missing=1)
