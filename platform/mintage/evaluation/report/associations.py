"""The sections on pairs of columns: how strongly they go together, and which pairs fit worst."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from mintage.evaluation.report import cells
from mintage.evaluation.report.blocks import Block, Cell, Gallery, Plot, Section, Table, Text
from mintage.evaluation.report.charts import Chart, association_chart, pair_data, score_chart
from mintage.evaluation.report.wording import count, number, plural, score
from mintage.evaluation.results import Fidelity, PairFidelity

_MANY_COLUMNS = 40
"""From so many columns on, heat maps stand below each other."""
_PAIRS = 50
"""Pairs that the table shows at once; its CSV has all, and a search finds any."""


def associations_section(fidelity: Fidelity, key: str) -> Section:
    """Heat maps: real, synthetic, and their difference."""
    return Section(
        id=f"{key}-associations",
        title="Associations",
        lead="How strongly each column goes with each other one: Pearson's correlation for two numbers (−1 "
        "to 1), Cramér's V for two categories and the correlation ratio for one of each (0 to 1).",
        blocks=tuple(_associations(fidelity, key)),
    )


def _associations(fidelity: Fidelity, key: str) -> Sequence[Block]:
    known = [pair for pair in fidelity.pairs if pair.association_real is not None]
    if not known:
        return [Text(text="No association could be computed for any pair of columns.", tone="missing")]
    wide = len(fidelity.columns) > _MANY_COLUMNS
    size: Literal["matrix", "large-matrix"] = "large-matrix" if wide else "matrix"
    titles: tuple[tuple[Literal["real", "synthetic", "difference"], str, str], ...] = (
        ("real", "Real", "Associations in the real table."),
        ("synthetic", "Synthetic", "Associations in the synthetic table."),
        ("difference", "Difference", f"Synthetic less real.{_widest(known)}"),
    )
    columns = plural(len(fidelity.columns), "column")
    blocks: list[Block] = [
        Gallery(
            id=f"{key}-maps",
            plots=tuple(
                Plot(
                    title=title,
                    alt=f"{alt} {columns}; the numbers are in the table of pairs.",
                    chart=association_chart(key, which),
                    size=size,
                )
                for which, title, alt in titles
            ),
        ),
        Text(
            text="Drag over a map to enlarge a part of it; double-click to see all of it again.", tone="note"
        ),
    ]
    if len(fidelity.pairs) < fidelity.pair_count:
        told = (
            f"{count(len(fidelity.pairs))} of {count(fidelity.pair_count)} pairs are listed, the worst ones"
        )
        blocks.append(Text(text=f"{told}; cells of the others are empty.", tone="note"))
    return blocks


def _widest(known: Sequence[PairFidelity]) -> str:
    """Where the two tables differ most."""
    both = [pair for pair in known if pair.association_synthetic is not None]
    far = max(both, key=_association_gap, default=None)
    if far is None:
        return ""
    return f" The greatest difference is {number(_association_gap(far))}, between {far.left} and {far.right}."


def _association_gap(pair: PairFidelity) -> float:
    return abs((pair.association_synthetic or 0.0) - (pair.association_real or 0.0))


def pairs_section(fidelity: Fidelity, key: str) -> Section:
    """The pairs that fit worst, and how the scores of all are spread."""
    worst_first = sorted(fidelity.pairs, key=lambda pair: pair.score_fixed_edges)
    shown = worst_first[:_PAIRS]
    table = Table(
        id=f"{key}-pair-table",
        caption=f"The {plural(len(shown), 'pair')} that fit worst, of {count(fidelity.pair_count)}",
        head=("Column", "With", "Kind", "Score", "Fresh rows", "SDMetrics’ score", "Real", "Synthetic"),
        rows=tuple(_pair_row(pair) for pair in shown),
        numeric=(False, False, False, True, True, True, True, True),
        hint="Real and synthetic: the strength of association. The CSV holds every pair that was measured.",
        source=key,
    )
    blocks: list[Block] = [table]
    chart = score_chart(fidelity)
    if chart is not None:
        worst = worst_first[0]
        blocks.insert(
            0,
            Plot(
                title="Scores of all pairs",
                alt=f"How the scores of {plural(len(worst_first), 'pair')} are spread, from "
                f"{score(worst.score_fixed_edges)} to {score(worst_first[-1].score_fixed_edges)}.",
                chart=chart,
                height=240,
            ),
        )
    return Section(
        id=f"{key}-pairs",
        title="Pairs of columns",
        lead="Two columns together, cut at the real table's edges; 1 is best.",
        blocks=tuple(blocks),
    )


def _pair_row(pair: PairFidelity) -> tuple[Cell, ...]:
    fresh = 1.0 if pair.holdout_score_fixed_edges is None else pair.holdout_score_fixed_edges
    return (
        cells.named(pair.left),
        cells.named(pair.right),
        cells.word(pair.kind),
        cells.score(pair.score_fixed_edges, poor=fresh - cells.WORSE_THAN_FRESH),
        cells.score(pair.holdout_score_fixed_edges),
        cells.score(pair.score),
        cells.number(pair.association_real),
        cells.number(pair.association_synthetic),
    )


def pair_source(fidelity: Fidelity, order: Sequence[str]) -> Chart:
    """The data of all pairs; columns in the order of the table, as far as `order` knows them."""
    place = {name: position for position, name in enumerate(order)}
    measured = {column.name for column in fidelity.columns}
    measured |= {name for pair in fidelity.pairs for name in (pair.left, pair.right)}
    return pair_data(fidelity, sorted(measured, key=lambda name: (place.get(name, len(place)), name)))
