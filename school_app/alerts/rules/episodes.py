"""What becomes of an alert when its rule is judged again: one episode for each student, rule and window.

The evaluation of alerts asks transition() and stores what it answers.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from school_app.alerts.rules.decision import Decision, NotEnoughData, Severity, Verdict


class EpisodeStatus(enum.StrEnum):
    """The status of an alert, by the names under which it is stored."""

    OPEN = "open"
    DECIDED = "decided"
    RESOLVED = "resolved"


class Move(enum.StrEnum):
    """What happens to an episode."""

    OPEN = "open"
    WORSEN = "worsen"
    KEEP = "keep"
    RESOLVE = "resolve"
    REOPEN = "reopen"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class EpisodeState:
    """An alert as stored: `severity` as last judged, `decided_severity` as a person last decided on it."""

    status: EpisodeStatus
    severity: int
    decided_severity: int | None = None

    def __post_init__(self) -> None:
        """Refuse a decided episode that does not say on which severity."""
        if self.status is EpisodeStatus.DECIDED and self.decided_severity is None:
            raise ValueError("A decided alert needs the severity that was decided on.")


@dataclass(frozen=True, slots=True)
class Transition:
    """The move and the status after it; `decision` is what to store, None leaves what is stored."""

    move: Move
    status: EpisodeStatus | None
    decision: Decision | None = None

    @property
    def asks(self) -> bool:
        """Whether a person now has to decide who did not have to before, or about something worse."""
        return self.move in (Move.OPEN, Move.WORSEN, Move.REOPEN)


def transition(existing: EpisodeState | None, verdict: Verdict) -> Transition:
    """The move from what is stored to what the rule says now.

    A decided alert is asked about again only above the severity that was decided on; below it the words are
    kept up to date in silence. Where the rule no longer fires, or asks for no decision, the alert resolves. A
    resolved one that comes back in its window reopens. Not enough data proves nothing, so it neither opens
    nor resolves.
    """
    if isinstance(verdict, NotEnoughData):
        return _keep(existing)
    if verdict is None or not verdict.needs_decision:
        if existing is None or existing.status is EpisodeStatus.RESOLVED:
            return _keep(existing)
        return Transition(Move.RESOLVE, EpisodeStatus.RESOLVED)
    if existing is None:
        return Transition(Move.OPEN, EpisodeStatus.OPEN, verdict)
    if existing.status is EpisodeStatus.RESOLVED:
        return Transition(Move.REOPEN, EpisodeStatus.OPEN, verdict)
    if verdict.severity > _answered(existing):
        return Transition(Move.WORSEN, EpisodeStatus.OPEN, verdict)
    return Transition(Move.KEEP, existing.status, verdict)


def _keep(existing: EpisodeState | None) -> Transition:
    if existing is None or existing.status is EpisodeStatus.RESOLVED:
        return Transition(Move.NOTHING, existing.status if existing else None)
    return Transition(Move.KEEP, existing.status)


def _answered(existing: EpisodeState) -> int:
    if existing.status is EpisodeStatus.DECIDED and existing.decided_severity is not None:
        return existing.decided_severity
    return max(existing.severity, Severity.WATCH)
