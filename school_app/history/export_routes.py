"""The pages of exports of the history: asking for one, seeing how far it is, taking its file away.

They stand on the blueprint of audit/, as the pages of the history do; school_app.features registers them.
"""

from __future__ import annotations

from dataclasses import dataclass

from flask import Response, current_app, flash, g, redirect, render_template, request, send_file, url_for
from werkzeug.wrappers import Response as AnyResponse

from school_app.audit.routes import blueprint
from school_app.core.db import db
from school_app.core.errors import DomainError
from school_app.core.permissions import Permission, requires, viewer
from school_app.history import exports as service
from school_app.history.filters import Asked, asked
from school_app.history.models import ExportFormat, HistoryExport
from school_app.history.names import names_of
from school_app.history.sentences import look_in_words, looked_at

MIMETYPES = {ExportFormat.CSV: "text/csv", ExportFormat.JSON_LINES: "application/x-ndjson"}


@dataclass(frozen=True, slots=True)
class Shown:
    """An export as its page shows it: how far it is, what it holds in words, and how much of its days is written, in
    percent.
    """

    export: HistoryExport
    stage: service.Stage
    said: str
    percent: int

    @property
    def is_waited_for(self) -> bool:
        """Whether the page has more to say of it later, without anybody's doing."""
        return self.stage not in (service.Stage.DONE, service.Stage.FAILED)


@blueprint.get("/audit/exports")
@requires(Permission.AUDIT_VIEW)
def exports() -> str:
    """The person's own exports, the latest first."""
    found = [(one, asked(one.export.chosen, g.timezone)) for one in service.exports_of(db.session, viewer())]
    names = names_of(db.session, [thing for _, wanted in found for thing in looked_at(wanted.said())], g.timezone)
    shown = [
        Shown(one.export, one.stage, look_in_words(wanted.said(), names), _percent(one.export, wanted))
        for one, wanted in found
    ]
    return render_template(
        "audit/exports.html",
        exports=shown,
        is_waiting=any(one.is_waited_for for one in shown),
        most_rows=service.MOST_ROWS,
    )


def _percent(export: HistoryExport, wanted: Asked) -> int:
    if export.reached_at is None:
        return 0
    until = min(wanted.filters.until, export.created_at)
    return int(100 * ((until - export.reached_at) / (until - wanted.filters.since)))


@blueprint.post("/audit/exports")
@requires(Permission.AUDIT_VIEW)
def ask_for_export() -> AnyResponse:
    """Ask for what the history is narrowed to as a file; a job writes it."""
    wanted, person = asked(request.form, g.timezone), viewer()
    word = request.form.get("format", "")
    if word not in {one.value for one in ExportFormat}:
        raise DomainError("Format: choose CSV or JSON lines.")
    try:
        service.ask_for(db.session, wanted, ExportFormat(word), person=person)
    except service.ExportRefused as error:
        db.session.rollback()
        flash(str(error), "error")
        return redirect(url_for("audit.exports"), code=303)
    db.session.commit()
    return redirect(url_for("audit.exports"), code=303)


@blueprint.get("/audit/exports/<int:export_id>/file")
@requires(Permission.AUDIT_VIEW)
def export_file(export_id: int) -> Response:
    """The file of one of the person's own exports."""
    export, path = service.taken(db.session, current_app.config["FORMROOM"], export_id, person=viewer())
    wanted = asked(export.chosen, g.timezone)
    cut = f"-latest-{export.rows}-rows" if export.is_cut else ""
    answer = send_file(
        path,
        mimetype=MIMETYPES[export.format],
        as_attachment=True,
        download_name=f"history-{wanted.first}-to-{wanted.last}{cut}.{export.format.value}",
    )
    db.session.commit()
    return answer
