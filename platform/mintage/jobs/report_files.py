"""A report as files: what lies beside a data set, or where `mintage evaluate` is told to put it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from mintage.errors import ProvenanceError, StoreError
from mintage.evaluation.report import render_html
from mintage.evaluation.results import Report
from mintage.provenance.gate_statement import TestResult

HTML = "report.html"
JSON = "report.json"


def report_files(report: Report) -> dict[str, bytes]:
    """The files of a report by name. The times that it took are left out, so it is the same every time."""
    timeless = report.model_copy(update={"seconds": {}})
    return {HTML: render_html(timeless), JSON: timeless.model_dump_json(indent=1).encode() + b"\n"}


def write_report(report: Report, folder: Path | str) -> tuple[Path, Path]:
    """Write `report.html` and `report.json` into a folder, which is made; earlier ones are replaced.

    Returns their paths. Raises `StoreError` when they cannot be written.
    """
    target = Path(folder)
    try:
        target.mkdir(parents=True, exist_ok=True)
        for name, data in report_files(report).items():
            (target / name).write_bytes(data)
    except OSError as exc:
        raise StoreError(f"the report cannot be written to {target}: {exc}", "choose another folder") from exc
    return target / HTML, target / JSON


def read_report(value: Mapping[str, object]) -> Report:
    """The report that `report.json` holds; raises `ProvenanceError` for one of another format."""
    try:
        return Report.model_validate(value)
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ProvenanceError(
            f"{JSON} is of another format: at {place or 'its root'}: {first['msg']}",
            "read it with the version of Mintage that wrote it",
        ) from exc


def gate_outcome(report: Report) -> TestResult | None:
    """What the gates of a report said, to be signed; None when there are none."""
    if not report.gates:
        return None
    return TestResult.of(
        {gate.figure: gate.model_dump(include={"min", "max", "action"}) for gate in report.gates},
        {gate.figure: gate.status for gate in report.gates},
    )
