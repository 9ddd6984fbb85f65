"""Who may move rows to an archive just now, one row for each kind of work.

archiving.lease keeps it; whoever else has to keep two from doing the same at once may lock a row of its own there.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from school_app.core.db import Base, Id, UtcDateTime, exact


class ArchiveLease(Base):
    """Who may archive now. The token grows with each holder, and a batch of an older token is refused.

    `job_id` and `attempt` are the claim of the job that holds it; None where a command does.
    """

    __tablename__ = "audit_archive_lease"

    name: Mapped[str] = mapped_column(exact(40), primary_key=True)
    token: Mapped[int] = mapped_column(BigInteger, default=0)
    holder: Mapped[str | None] = mapped_column(String(200))
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    job_id: Mapped[int | None] = mapped_column(Id)
    attempt: Mapped[int | None] = mapped_column(Integer)
