"""datacard.md: what a data set is, how it was made, how close, how private, how fair; and how to check it."""

from __future__ import annotations

from collections.abc import Iterator

from mintage.contracts.arrow_types import type_name
from mintage.evaluation.report.overview import key_figures
from mintage.evaluation.report.wording import count
from mintage.jobs.interchange import sentences
from mintage.jobs.interchange.described import Described
from mintage.jobs.interchange.markdown import bullets, escape, table
from mintage.provenance.layout import checksums_path
from mintage.provenance.prov import describe, describe_parent

DATACARD = "datacard.md"

_MAX_COLUMNS = 500
_WORST = 5


def render_datacard(version: Described) -> bytes:
    """The card, UTF-8; the same version always gives the same bytes."""
    blocks = [
        f"# {escape(version.title)}",
        escape(version.datasheet.description or sentences.what(version)),
        *_facts(version),
        *_made(version),
        *_close(version),
        *_section("How private", sentences.privacy_sentences(version)),
        *_section("How fair", sentences.bias_sentences(version)),
        *_lineage(version),
        *_section("What it is for", version.datasheet.intended_use),
        *_section("Limits", sentences.limit_sentences(version)),
        *_verify(version),
        *_cite(version),
    ]
    return ("\n\n".join(blocks) + "\n").encode("utf-8")


def _section(title: str, lines: list[str] | tuple[str, ...]) -> Iterator[str]:
    """A section of bullets; nothing when there is nothing to say."""
    if lines:
        yield f"## {title}"
        yield bullets(lines)


def _facts(version: Described) -> Iterator[str]:
    sheet, totals = version.datasheet, version.folded.totals
    yield "## What it is"
    rows = [
        (
            name,
            count(totals.rows[name]),
            str(len(version.schema.table(name).columns)),
            _size(totals.bytes[name]),
        )
        for name in version.schema.names
    ]
    yield table(("table", "rows", "columns", "size"), rows)
    told = [
        ("Licence", sheet.license),
        ("Page", sheet.url),
        ("Made by", ", ".join(who.name for who in sheet.creators)),
        ("Published by", sheet.publisher.name if sheet.publisher else None),
    ]
    yield bullets([f"{label}: {value or 'not said'}" for label, value in told])
    for found in version.schema.tables:
        yield f"### Columns of {escape(found.name)}"
        columns = [
            (column.name, type_name(column.type), column.semantics.value, "yes" if column.nullable else "no")
            for column in found.columns[:_MAX_COLUMNS]
        ]
        yield table(("column", "type", "meaning", "null"), columns)
        if more := len(found.columns) - _MAX_COLUMNS:
            yield from [f"And {count(more)} more."] if more > 0 else []


def _made(version: Described) -> Iterator[str]:
    facts = version.facts
    lines = [
        sentences.how(version),
        sentences.rejected(version),
        f"Made by Mintage {version.mintage}, finished on {version.made}.",
        f"Asked again, the model claims to give the same: {facts.determinism.value}.",
    ]
    yield from _section("How it was made", lines)


def _close(version: Described) -> Iterator[str]:
    yield "## How close to real rows"
    report = version.report
    if report is None:
        yield "Not measured."
        return
    yield bullets(report.verdict.sentences)
    figures = [(figure.label, figure.value, figure.beside) for figure in key_figures(report)]
    yield table(("figure", "value", "beside it"), figures)
    if report.gates:
        yield "Bounds that were set beforehand:"
        gates = [(gate.figure, gate.status, gate.reason) for gate in report.gates]
        yield table(("figure", "result", "why"), gates)
    yield "`report.html` beside this file has everything that was measured."


def _lineage(version: Described) -> Iterator[str]:
    facts = version.facts
    lines = [
        f"Source: {facts.source}" if facts.source else "Source: none",
        f"Model: {facts.model.digest or 'none'}, of the kind {facts.model.kind}",
        f"Plan: {version.plan_digest}",
        f"Run: {facts.run_id}",
        f"Lineage: {describe(version.lineage)}",
        *(f"Learned from {describe_parent(parent)}" for parent in version.lineage.parents[:20]),
    ]
    if (waiver := version.lineage.waiver) is not None:
        lines.append(f"Waived ({waiver.reason}): {'; '.join(waiver.problems)[:1000]}")
    yield from _section("Where it comes from", lines)


def _verify(version: Described) -> Iterator[str]:
    yield "## How to check it"
    yield "In the folder of the data set, with the public key of whoever signed it:"
    yield (f"```\nmintage verify . --key signer.pub\nsha256sum -c {checksums_path(version.version)}\n```")
    lines = [
        f"Version: {version.version}",
        f"Shards: {count(version.folded.size)}",
        f"Root of all shards: {version.folded.root}",
        f"Root of their contents: {version.folded.content_root}",
    ]
    yield bullets(lines)
    yield (
        "This card is named in the signed statement by its digest. Without a signature that you trust, "
        "it is only a text."
    )


def _cite(version: Described) -> Iterator[str]:
    sheet = version.datasheet
    if sheet.maintenance:
        yield f"## Maintenance\n\n{escape(sheet.maintenance)}"
    if sheet.citation:
        yield f"## How to cite it\n\n{escape(sheet.citation)}"


def _size(size: int) -> str:
    """Bytes in a unit that people read.

    >>> _size(1234567)
    '1.2 MB'
    """
    value, units = float(size), ["B", "kB", "MB", "GB", "TB", "PB"]
    while value >= 1000 and len(units) > 1:
        value /= 1000
        del units[0]
    return f"{value:.3g} {units[0]}" if units[0] == "B" else f"{value:.1f} {units[0]}"
