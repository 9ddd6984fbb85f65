"""A school's own cut points for alerts: their defaults, their limits, and how they are stored.

Everyone above alerts/ may read them; the admin's page and the evaluation of alerts build them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from decimal import Decimal, InvalidOperation

from school_app.core.errors import DomainError

Setting = str | int | bool


@dataclass(frozen=True, slots=True)
class ThresholdProblem:
    """What is wrong with one setting; `message` is a sentence that says what to enter instead."""

    field: str
    message: str


class InvalidThresholds(DomainError):
    """Settings that cannot hold together; `problems` names each field, str() joins their sentences."""

    def __init__(self, problems: tuple[ThresholdProblem, ...]) -> None:
        self.problems = problems
        super().__init__(" ".join(problem.message for problem in problems))


@dataclass(frozen=True, slots=True)
class Limit:
    """What one numeric setting is called, its unit, and the lowest and highest value that it may have."""

    field: str
    label: str
    unit: str
    low: int
    high: int


LIMITS = (
    Limit("prevention_percent", "Prevention band from", "%", 1, 100),
    Limit("chronic_percent", "Chronic absence from", "%", 1, 100),
    Limit("intensive_percent", "Intensive support from", "%", 1, 100),
    Limit("severe_percent", "Severe absence from", "%", 1, 100),
    Limit("persistent_percent", "Persistent absence from", "%", 1, 100),
    Limit("minimum_days", "Days counted before absence is judged", "days", 1, 100),
    Limit("consecutive_days", "Days of absence in a row", "days", 1, 100),
    Limit("consecutive_serious_days", "Days in a row that are serious", "days", 1, 100),
    Limit("consecutive_grave_days", "Days in a row that are grave", "days", 1, 100),
    Limit("incident_count", "Number of incidents", "incidents", 1, 100),
    Limit("incident_severity", "Severity from which an incident counts", "", 1, 5),
    Limit("incident_grave_severity", "Severity that is grave", "", 1, 5),
    Limit("incident_window_school_days", "School days looked back for incidents", "days", 1, 200),
    Limit("failing_percent", "Failing mark below", "%", 1, 100),
    Limit("failing_badly_percent", "Badly failing mark below", "%", 0, 100),
    Limit("minimum_results", "Results before marks are judged", "results", 1, 100),
    Limit("falling_points", "Fall of marks between terms from", "points", 1, 100),
)
# Each pair stands in this order; where the second is False the two may not be equal.
ORDER = (
    ("prevention_percent", "chronic_percent", False),
    ("chronic_percent", "intensive_percent", False),
    ("intensive_percent", "severe_percent", False),
    ("persistent_percent", "severe_percent", False),
    ("consecutive_days", "consecutive_serious_days", True),
    ("consecutive_serious_days", "consecutive_grave_days", True),
    ("incident_severity", "incident_grave_severity", True),
    ("failing_badly_percent", "failing_percent", True),
)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The cut points, percentages from 0 to 100. A value on a cut point is over it; failing marks lie below.

    Defaults. Bands of absence 5, 10 and 20 %, judged from 10 days on: the US federal definition of chronic
    absence (10 % of enrolled days, 10 days enrolled) with the usual bands beside it. Persistent 10 % and
    severe 50 %: England's Department for Education, which also has ten days' unbroken unauthorised absence
    reported. Incidents and marks: the early-warning indicators of Balfanz, with this product's numbers.
    Severity of incidents runs from 1 to 5; 3 is moderate. `mute_excused` keeps excused days out of the rule
    on days in a row and out of reasons, never out of rates. InvalidThresholds where a value is out of its
    limits or two are out of order.
    """

    prevention_percent: Decimal = Decimal(5)
    chronic_percent: Decimal = Decimal(10)
    intensive_percent: Decimal = Decimal(20)
    severe_percent: Decimal = Decimal(50)
    persistent_percent: Decimal = Decimal(10)
    minimum_days: int = 10
    consecutive_days: int = 3
    consecutive_serious_days: int = 5
    consecutive_grave_days: int = 10
    mute_excused: bool = True
    incident_count: int = 2
    incident_severity: int = 3
    incident_grave_severity: int = 5
    incident_window_school_days: int = 30
    failing_percent: Decimal = Decimal(50)
    failing_badly_percent: Decimal = Decimal(30)
    minimum_results: int = 3
    falling_points: Decimal = Decimal(10)

    def __post_init__(self) -> None:
        """Refuse what cannot hold, all problems at once."""
        problems = tuple(_out_of_limits(self)) or tuple(_out_of_order(self))
        if problems:
            raise InvalidThresholds(problems)

    @classmethod
    def from_settings(cls, settings: Mapping[str, object]) -> Thresholds:
        """Thresholds from stored or entered settings; what is missing has its default.

        Numbers may come as text. InvalidThresholds names every unknown or unreadable setting.
        """
        defaults = asdict(cls())
        problems = [
            ThresholdProblem(name, f"There is no setting called “{name}”; remove it.")
            for name in sorted(settings.keys() - defaults.keys())
        ]
        values: dict[str, Decimal | int | bool] = {}
        for name in defaults.keys() & settings.keys():
            value = _read(settings[name], like=defaults[name])
            if value is None:
                problems.append(ThresholdProblem(name, f"{_label(name)}: {_expected(defaults[name])}"))
            else:
                values[name] = value
        if problems:
            raise InvalidThresholds(tuple(sorted(problems, key=lambda problem: problem.field)))
        return cls(**values)  # type: ignore[arg-type]  # _read() gives each the type of its default.

    def to_settings(self) -> dict[str, Setting]:
        """The settings as JSON can hold them: percentages as text, so that none loses its exact value."""
        return {name: f"{value:f}" if isinstance(value, Decimal) else value for name, value in asdict(self).items()}


def _label(name: str) -> str:
    return next((limit.label for limit in LIMITS if limit.field == name), name)


def _read(value: object, *, like: object) -> Decimal | int | bool | None:
    if isinstance(like, bool) or isinstance(value, bool):
        return value if isinstance(value, bool) and isinstance(like, bool) else None
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    # Nothing near this size is a cut point, and turning 1e999999999 into an int would take for ever.
    if not number.is_finite() or not -1_000_000 <= number <= 1_000_000:
        return None
    if isinstance(like, Decimal):
        return number
    return int(number) if number == number.to_integral_value() else None


def _expected(like: object) -> str:
    if isinstance(like, bool):
        return "choose yes or no."
    return "enter a number, such as 7.5." if isinstance(like, Decimal) else "enter a whole number."


def _out_of_limits(thresholds: Thresholds) -> Iterator[ThresholdProblem]:
    for limit in LIMITS:
        value = getattr(thresholds, limit.field)
        if not limit.low <= value <= limit.high:
            unit = f" {limit.unit}" if limit.unit else ""
            message = f"{limit.label}: enter a value from {limit.low} to {limit.high}{unit}, not {value}."
            yield ThresholdProblem(limit.field, message)
        elif isinstance(value, Decimal) and value != round(value, 2):
            yield ThresholdProblem(limit.field, f"{limit.label}: enter at most two decimals, not {value}.")


def _out_of_order(thresholds: Thresholds) -> Iterator[ThresholdProblem]:
    for lower, higher, may_be_equal in ORDER:
        low, high = getattr(thresholds, lower), getattr(thresholds, higher)
        if low > high or (low == high and not may_be_equal):
            bound = "at least" if may_be_equal else "more than"
            relation = f"{_label(higher)} ({high}) must be {bound} “{_label(lower)}” ({low})"
            message = f"{relation}; raise it or lower the other."
            yield ThresholdProblem(higher, message)


def numeric_fields() -> tuple[str, ...]:
    """The names of all settings that are numbers, in order; a test holds LIMITS to them."""
    return tuple(field.name for field in fields(Thresholds) if not isinstance(field.default, bool))
