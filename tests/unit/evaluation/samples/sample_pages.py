"""Pages to look at, harmless and hostile, for the tests here and in the browser."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from mintage.evaluation.samples import SamplePage, Subject, TableSample, make_sample_page
from tests.unit.evaluation.report.sample_reports import HOSTILE, make_report, several_tables

STATEMENT = f"sha256:{'ab' * 32}"
NASTY = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</style></script><b>",
    "\u202eright to left\u2066",
    "x" * 10_000_000,
    "line\nbreak\x00\x1b[2J",
    "{{ 7 * 7 }}",
    "'\"`<!--",
)


def make_page(*, hostile: bool = False, columns: int = 6, several: bool = False) -> SamplePage:
    """A page of one table, or of several."""
    report = several_tables() if several else make_report()
    names = [report.synthetic.name, *report.other_tables]
    subject = Subject(
        name=HOSTILE[0] if hostile else "flights",
        version=3,
        statement=STATEMENT,
        facts={"Rows": "4,000", "Made by": NASTY[0] if hostile else "tabular.auto", "Root": STATEMENT},
        seed=7,
    )
    return make_sample_page(subject, report, [_sample(name, columns, hostile) for name in names])


def _sample(name: str, columns: int, hostile: bool) -> TableSample:
    rng, rows = np.random.default_rng(0), 2000
    country = rng.choice(["fr", "de"], rows)
    capital = np.where(country == "fr", "Paris", "Berlin")
    capital[:2] = ["Berlin" if name == "Paris" else "Paris" for name in capital[:2]]
    values: dict[str, object] = {"country": country, "capital": capital}
    values |= {f"size {number}": rng.normal(size=rows).round(3) for number in range(columns - 2)}
    if hostile:
        nasty = [value[:600] for value in NASTY]
        values = {
            **values,
            **{value: [nasty[row % len(nasty)] for row in range(rows)] for value in nasty},
        }
    table = pa.table(values)
    return TableSample(
        name=NASTY[1] if hostile else name,
        rows=table,
        places=[f"shard 0, row {row}" for row in range(rows)],
        random=list(range(20)),
        total=10**6,
    )
