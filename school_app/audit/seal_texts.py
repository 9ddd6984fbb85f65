"""The text of a seal and of a sealing run: every field in one line of its own. Its SHA-256 is the hash.

A school can keep the text and compute the hash anew with any tool. audit.seals and audit.differences use it.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

from school_app.audit.models import AuditSeal, SealRun

# What the first seal of a chain has as the hash of the one before.
NOTHING_BEFORE = "0" * 64


def seal_text(seal: AuditSeal) -> str:
    """What a seal says, but for its hash."""
    return _text(
        "Formroom audit seal, version 1",
        ("school", "platform" if seal.school_id is None else seal.school_id),
        ("day", seal.day.isoformat()),
        ("ids above", seal.above_id),
        ("ids up to", seal.up_to_id),
        ("rows", seal.rows),
        ("first id", seal.first_id),
        ("last id", seal.last_id),
        ("digest", seal.digest),
        ("previous seal", seal.previous),
        ("sealed at", seal.sealed_at.isoformat(timespec="microseconds")),
    )


def run_text(run: SealRun) -> str:
    """What a sealing run says, but for its hash."""
    return _text(
        "Formroom audit sealing run, version 1",
        ("ids above", run.above_id),
        ("ids up to", run.up_to_id),
        ("complete before", "nothing" if run.complete_before is None else run.complete_before.isoformat()),
        ("rows", run.rows),
        ("seals", run.seals),
        ("digest", run.digest),
        ("previous run", run.previous),
        ("sealed at", run.sealed_at.isoformat(timespec="microseconds")),
    )


def text_hash(text: str) -> str:
    """The hash of a seal or run by its text."""
    return sha256(text.encode()).hexdigest()


def digest_of_seals(seals: Iterable[AuditSeal]) -> str:
    """The digest of a run's seals, in the order of school and day, the platform's first."""
    ordered = sorted(seals, key=lambda one: (one.school_id is not None, one.school_id or 0, one.day))
    return text_hash("".join(f"{one.hash}\n" for one in ordered))


def _text(title: str, *fields: tuple[str, object]) -> str:
    return "".join([f"{title}\n", *(f"{name}: {value}\n" for name, value in fields)])
