"""What the product's rules say of generated students: facts built in memory, judged by alerts.rules themselves.

chain.py asks for the words of past episodes, and for the judgement of everybody on the last day.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from math import lcm

from school_app.alerts.facts import (
    AttendanceCategory,
    AttendanceFacts,
    BehaviourFacts,
    EnrolledSpan,
    MarksFacts,
    SessionKey,
    StudentFacts,
    SubjectMarks,
    behaviour_facts,
)
from school_app.alerts.rules.attendance import chronic_absence, consecutive_unexplained
from school_app.alerts.rules.behaviour import behaviour
from school_app.alerts.rules.decision import Decision, Rule
from school_app.alerts.rules.marks import course_failure, marks_falling
from school_app.alerts.school_days import attendance_facts
from school_app.demo.generated.attendance import PRESENT, Attendance, Attended
from school_app.demo.generated.behaviour import Happened
from school_app.demo.generated.calendar import SchoolCalendar, TermDays, YearDays
from school_app.demo.generated.episodes import THRESHOLDS, Episode
from school_app.demo.generated.marks import MAXIMA, Results, Subject
from school_app.demo.generated.people import Pupil
from school_app.demo.shared import CODES

# A number that every maximum divides, so that means are exact without a fraction for each result.
WHOLE = lcm(*MAXIMA)
OF_ATTENDANCE = {Rule.CHRONIC_ABSENCE: chronic_absence, Rule.CONSECUTIVE_UNEXPLAINED: consecutive_unexplained}
OF_MARKS = {Rule.COURSE_FAILURE: course_failure, Rule.MARKS_FALLING: marks_falling}


@dataclass(slots=True)
class YearKnown:
    """What was recorded in one year of a school, by student."""

    attendance: Attendance
    lives: dict[Pupil, Attended]
    results: Mapping[Pupil, Results]
    happened: dict[Pupil, list[Happened]] = field(default_factory=lambda: defaultdict(list))

    @property
    def year(self) -> YearDays:
        """The year."""
        return self.attendance.year


class Wording:
    """Asks the rules about students of one year."""

    def __init__(self, days: SchoolCalendar, known: YearKnown) -> None:
        self.days, self.known = days, known
        self._key = str(known.year.id)
        self._parts = tuple(part.value for part in known.attendance.sessions)
        self._of_day = frozenset(self._parts)
        last = days.today if known.year is days.present else known.year.ends_on
        self._school_days = [on for on in days.ahead if known.year.starts_on <= on <= last]

    def decision(self, episode: Episode, as_of: int, last_note_on: date | None) -> Decision | None:
        """What the rule of an episode says as of a day; None where it does not hold."""
        on, pupil = self.days.days[as_of], episode.pupil
        if (of_attendance := OF_ATTENDANCE.get(episode.rule)) is not None:
            verdict = of_attendance(self._attendance(pupil, on, last_note_on), THRESHOLDS)
        elif (of_marks := OF_MARKS.get(episode.rule)) is not None:
            facts = self._marks(pupil, on)
            found = [one for one in facts.subjects if episode.window.endswith(f"/{one.term_key}/{one.subject_key}")]
            verdict = of_marks(facts, THRESHOLDS, subject=found[0]) if found else None
        else:
            verdict = behaviour(self._behaviour(pupil, on), THRESHOLDS)
        return verdict if isinstance(verdict, Decision) and verdict.window_key == episode.window else None

    def facts(self, pupil: Pupil, on: date) -> StudentFacts:
        """Everything that is known of a student on a day, but for notes."""
        marks = self._marks(pupil, on)
        return StudentFacts(
            pupil.id,
            pupil.name,
            self._attendance(pupil, on, None) if pupil in self.known.lives else None,
            behaviour=self._behaviour(pupil, on),
            marks=marks if marks.subjects else None,
        )

    def _attendance(self, pupil: Pupil, on: date, last_note_on: date | None) -> AttendanceFacts:
        attended = self.known.lives[pupil]
        return attendance_facts(
            on,
            self._registers(attended),
            exceptions=self._exceptions(attended),
            instructional_days=self._school_days,
            enrolled=[EnrolledSpan(place.first, place.last) for place in attended.places],
            school_year_key=self._key,
            sessions_of_day=self._of_day,
            last_note_on=last_note_on,
        )

    def _registers(self, attended: Attended) -> list[SessionKey]:
        sheets = self.known.attendance.sheets
        if len(attended.places) == 1:
            # Those of days on which the student was not there are left aside by the facts.
            return sheets[attended.places[0].form].keys
        return [
            key
            for place in attended.places
            for key in sheets[place.form].keys
            if place.first <= key[0] and (place.last is None or key[0] <= place.last)
        ]

    def _exceptions(self, attended: Attended) -> dict[SessionKey, AttendanceCategory]:
        return {
            (self.days.days[day], self._parts[at]): CODES[letter][1]
            for day, mark in attended.marks.items()
            for at, letter in enumerate(mark)
            if letter != PRESENT
        }

    def _behaviour(self, pupil: Pupil, on: date) -> BehaviourFacts:
        concerns = [one for one in self.known.happened.get(pupil, ()) if one.severity]
        return behaviour_facts(
            on,
            [one.fact(self.days) for one in concerns if self.days.days[one.day] <= on],
            instructional_days=self._school_days,
            window_school_days=THRESHOLDS.incident_window_school_days,
            school_year_key=self._key,
        )

    def _marks(self, pupil: Pupil, on: date) -> MarksFacts:
        terms = self.known.year.terms
        now = max(term.ordinal for term in terms if term.starts_on <= on)
        before = terms[now - 1] if now else None
        found = []
        for subject, results in sorted(self.known.results.get(pupil, {}).items(), key=lambda item: item[0].name):
            points: tuple[list[int], list[int]] = ([], [])
            for day, ordinal, score, maximum in results:
                if ordinal in (now, now - 1) and self.days.days[day] <= on:
                    points[now - ordinal].append(score * (WHOLE // maximum))
            if points[0] or points[1]:
                found.append(_subject(subject, terms[now], before, points=points))
        return MarksFacts(on, self._key, subjects=tuple(found))


def _subject(
    subject: Subject, term: TermDays, before: TermDays | None, *, points: tuple[list[int], list[int]]
) -> SubjectMarks:
    now, then = (Fraction(100 * sum(part), WHOLE * len(part)) if part else None for part in points)
    return SubjectMarks(
        subject_key=f"s{subject.id}",
        subject=subject.name,
        is_core=subject.is_core,
        term_key=str(term.id),
        term_name=term.name,
        average_percent=now,
        results_counted=len(points[0]),
        previous_term_name=before.name if before else None,
        previous_average_percent=then,
        previous_results_counted=len(points[1]),
    )
