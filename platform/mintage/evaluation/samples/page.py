"""What stands on the page, section by section."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from mintage.evaluation.report import cells
from mintage.evaluation.report.blocks import Block, Cell, Facts, Heading, Section, Table, Text, Tone
from mintage.evaluation.report.wording import count, number, plural
from mintage.evaluation.results import Detection, Fidelity, NotComputed, Report
from mintage.evaluation.samples.rarity import MAX_COLUMNS, OddRow, find_odd_rows
from mintage.evaluation.samples.shown import shown

MAX_SHOWN_COLUMNS = 24
ODD_ROWS = 20
RANDOM_ROWS = 20
_WORST = 10
_POOR = 0.9
_LABEL = 40
"""Characters of a column's name above its values."""

_MEANING = (
    "A row is among the odd ones when two of its values hardly ever stand together in the rows that were "
    "read: less than a fifth as often as if the two had nothing to do with each other. The real rows are not "
    "there to compare with, so odd does not mean wrong: a rule of the world that the model has learned looks "
    "the same as a mistake. That is for you to say."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSample:
    """Rows of one table that were read from parts which are what was signed."""

    name: str
    rows: pa.Table
    places: Sequence[str]
    """Where each row stands, such as `shard 3, row 17`."""
    random: Sequence[int]
    """Rows that were drawn at random, by their position here."""
    total: int
    """Rows that the table has."""
    keys: frozenset[str] = frozenset()
    """Columns that only tell rows apart: no value of theirs is odd."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is said of the version on top."""

    name: str
    version: int
    statement: str
    """Digest of the signed statement; a review of another version's page is refused by it."""
    facts: Mapping[str, str]
    """Terms and what is said of them."""
    seed: int
    """Of the rows that were drawn at random."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplePage:
    """What the template needs."""

    subject: str
    version: int
    statement: str
    status: str
    tone: str
    sentences: tuple[str, ...]
    sections: tuple[Section, ...]


_STATUS = {
    "pass": ("All gates passed", "good"),
    "warn": ("Gates warned", "poor"),
    "fail": ("Gates failed", "bad"),
    "ungated": ("No gates were set", ""),
}


def make_sample_page(subject: Subject, report: Report | None, samples: Sequence[TableSample]) -> SamplePage:
    """Lay out the page; `report` is the signed one, None when nothing was measured."""
    status, tone = _STATUS[report.verdict.status] if report else ("Nothing was measured", "")
    return SamplePage(
        subject=subject.name,
        version=subject.version,
        statement=subject.statement,
        status=status,
        tone=tone,
        sentences=tuple(report.verdict.sentences) if report else (),
        sections=(
            _facts(subject, report),
            *_closeness(report),
            *(
                section
                for position, sample in enumerate(samples)
                for section in _rows(sample, report, position, subject.seed)
            ),
            _saying(),
        ),
    )


def _facts(subject: Subject, report: Report | None) -> Section:
    items = tuple((term, said, True) for term, said in subject.facts.items())
    blocks: list[Block] = [Facts(items=items)]
    if report and report.gates:
        tones: dict[str, Tone] = {"pass": "good", "warn": "poor", "fail": "bad"}
        gates = tuple(
            (cells.named(gate.figure), cells.word(gate.status, tones[gate.status]), cells.word(gate.reason))
            for gate in report.gates
        )
        blocks.append(Table(id="gates", caption="Gates", head=("Figure", "Result", "Why"), rows=gates))
    return Section(id="facts", title="What it is", blocks=tuple(blocks))


def _closeness(report: Report | None) -> tuple[Section, ...]:
    """The worst columns and pairs of every table by the signed report, and what gives rows away."""
    if report is None:
        return ()
    tables = {report.synthetic.name: report.fidelity, **report.other_tables}
    blocks: list[Block] = []
    for position, (name, fidelity) in enumerate(tables.items()):
        if len(tables) > 1:
            blocks.append(Heading(text=name, named=True))
        if isinstance(fidelity, NotComputed):
            blocks.append(Text(text=f"Not computed: {fidelity.not_computed}", tone="missing"))
        else:
            blocks += _worst(fidelity, f"table-{position}")
    if isinstance(report.detection, Detection) and report.detection.features:
        features = tuple(
            (cells.named(feature.name), cells.share(feature.importance))
            for feature in report.detection.features[:_WORST]
        )
        caption = "What gives synthetic rows away to a classifier"
        blocks.append(Table(id="features", caption=caption, head=("Column", "Importance"), rows=features))
    lead = "Measured against the real rows when the data set was made, and signed with it. 1 is best."
    return (Section(id="worst", title="Worst columns and pairs", lead=lead, blocks=tuple(blocks)),)


def _worst(fidelity: Fidelity, key: str) -> list[Block]:
    columns = tuple(
        (
            cells.named(column.name),
            cells.word(column.kind),
            cells.score(column.score, poor=_POOR),
            cells.score(column.holdout_score),
            cells.share(column.out_of_range),
        )
        for column in fidelity.columns[:_WORST]
    )
    pairs = tuple(
        (
            cells.named(pair.left),
            cells.named(pair.right),
            cells.score(pair.score_fixed_edges, poor=_POOR),
            cells.number(pair.association_real),
            cells.number(pair.association_synthetic),
        )
        for pair in fidelity.pairs[:_WORST]
    )
    head = ("Column", "Kind", "Score", "Fresh real rows", "Out of range")
    blocks: list[Block] = [
        Table(
            id=f"{key}-columns",
            caption=f"{plural(len(columns), 'worst column')} of {len(fidelity.columns)}",
            head=head,
            rows=columns,
        )
    ]
    if pairs:
        blocks.append(
            Table(
                id=f"{key}-pairs",
                caption=f"{plural(len(pairs), 'worst pair')} of {count(fidelity.pair_count)}",
                head=("Column", "With", "Score", "Association, real", "Association, synthetic"),
                rows=pairs,
            )
        )
    return blocks


def _rows(sample: TableSample, report: Report | None, position: int, seed: int) -> tuple[Section, ...]:
    """The odd rows of a table, and rows at random."""
    order = _order(sample, report)
    compared = [name for name in order if name not in sample.keys]
    odd = find_odd_rows(sample.rows, compared, ODD_ROWS)
    read = sample.rows.num_rows
    lead = f"{count(read)} of {plural(sample.total, 'row')} were read, from parts that are what was signed."
    if len(compared) > MAX_COLUMNS:
        lead += f" Pairs of {MAX_COLUMNS} of {len(compared)} columns were looked at."
    blocks: list[Block] = [Text(text=_MEANING)]
    if odd:
        blocks.append(_odd_table(sample, odd, _columns(order, odd), f"odd-{position}"))
    else:
        blocks.append(Text(text="No pair of values is much rarer than chance would have it.", tone="note"))
    blocks.append(_random_table(sample, _columns(order, odd), f"random-{position}", seed))
    return (Section(id=f"rows-{position}", title=f"Rows of {sample.name}", lead=lead, blocks=tuple(blocks)),)


def _order(sample: TableSample, report: Report | None) -> list[str]:
    """The columns of a table, those that are furthest from the real ones first."""
    names = list(sample.rows.column_names)
    if report is None:
        return names
    fidelity = (
        report.fidelity if sample.name == report.synthetic.name else report.other_tables.get(sample.name)
    )
    if not isinstance(fidelity, Fidelity):
        return names
    known = set(names)
    worst = [column.name for column in fidelity.columns if column.name in known]
    return [*worst, *(name for name in names if name not in set(worst))]


def _columns(order: Sequence[str], odd: Sequence[OddRow]) -> list[str]:
    """The columns that are shown: those that are odd, then the worst."""
    told = dict.fromkeys(name for row in odd for name in row.columns)
    return list(dict.fromkeys([*told, *order]))[:MAX_SHOWN_COLUMNS]


def _odd_table(sample: TableSample, odd: Sequence[OddRow], columns: Sequence[str], key: str) -> Table:
    rows = tuple(
        (
            cells.word(sample.places[row.row]),
            cells.named(_why(sample, row)),
            *_cells(sample, row.row, columns),
        )
        for row in odd
    )
    return Table(
        id=key,
        caption=f"{plural(len(odd), 'odd row')}, the oddest first",
        head=("Row", "Why", *map(_label, columns)),
        rows=rows,
        numeric=(False,) * (len(columns) + 2),
        hint=_hint(sample, columns),
    )


def _random_table(sample: TableSample, columns: Sequence[str], key: str, seed: int) -> Table:
    rows = tuple((cells.word(sample.places[row]), *_cells(sample, row, columns)) for row in sample.random)
    return Table(
        id=key,
        caption=f"{plural(len(rows), 'row')} at random (seed {seed})",
        head=("Row", *map(_label, columns)),
        rows=rows,
        numeric=(False,) * (len(columns) + 1),
        hint=_hint(sample, columns),
    )


def _why(sample: TableSample, row: OddRow) -> str:
    left, right = (
        f"{shown(name)} = {shown(sample.rows.column(name)[row.row].as_py())}" for name in row.columns
    )
    return (
        f"{left} with {right}, or near: {count(row.found)} of {count(sample.rows.num_rows)} rows, where "
        f"{number(row.expected)} were to be expected"
    )


def _cells(sample: TableSample, row: int, columns: Sequence[str]) -> list[Cell]:
    return [cells.named(shown(sample.rows.column(name)[row].as_py())) for name in columns]


def _label(name: str) -> str:
    """The name of a column above its values."""
    text = shown(name)
    return text if len(text) <= _LABEL else f"{text[:_LABEL]}…"


def _hint(sample: TableSample, columns: Sequence[str]) -> str:
    every = sample.rows.num_columns
    return "" if len(columns) == every else f"{len(columns)} of {every} columns are shown."


def _saying() -> Section:
    text = (
        "With the key that others know you by: mintage review DATASET --verdict accept --key you.pem "
        "--page THIS-FILE --note WHY. Or reject. The digest of this file is signed with it."
    )
    return Section(id="saying", title="Saying what you think", blocks=(Text(text=text),))
