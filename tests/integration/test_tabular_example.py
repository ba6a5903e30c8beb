"""The page that shows how to write a tabular model: its module keeps the contract and learns something."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
import pyarrow as pa
import pytest

from mintage.contracts import FitContext, SampleRequest
from mintage.errors import FitError
from mintage.testing import check_generator, memory_source

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture
def chow_liu(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(DOCS / "examples" / "tabular"))
    return import_module("chow_liu")


def table() -> pa.Table:
    rng = np.random.default_rng(0)
    region = rng.integers(0, 3, 1500)
    return pa.table(
        {
            "region": pa.array(["north", "south", "west"]).take(pa.array(region)),
            "income": np.round(rng.gamma(4.0, 300.0, 1500) * (1 + region), 2),
            "car": pa.array(rng.random(1500) < 0.2 + 0.3 * region, mask=rng.random(1500) < 0.1),
            "email": [f"person{i}@corp.test" for i in range(1500)],
            "id": np.arange(1500),
        }
    )


def test_the_example_conforms(chow_liu: ModuleType) -> None:
    check_generator(chow_liu.ChowLiuGenerator, chow_liu.ChowLiuConfig(), memory_source(table()))


def test_the_example_learns_how_columns_hang_together(chow_liu: ModuleType) -> None:
    model = chow_liu.ChowLiuGenerator(chow_liu.ChowLiuConfig()).fit(
        memory_source(table()), FitContext(seed=1)
    )
    request = SampleRequest(seed=1, shard=0, batch=0, rows=4000, first_key=0)
    batch = next(model.sample(request)).batch
    real, made = (
        [pa.table(rows).to_pandas().groupby("region")["income"].mean()[name] for name in ("north", "west")]
        for rows in (table(), batch)
    )
    assert made == pytest.approx(real, rel=0.08)
    assert not set(batch.column("email").to_pylist()) & set(table()["email"].to_pylist())
    assert len(batch.column("id").unique()) == 4000


def test_the_example_refuses_a_tree_with_a_ring(chow_liu: ModuleType) -> None:
    model = chow_liu.ChowLiuGenerator(chow_liu.ChowLiuConfig()).fit(
        memory_source(table()), FitContext(seed=1)
    )
    files = model.save()
    text = files["model.json"].decode()
    ring = re.sub(r'"parents":\[[-\d,]*\]', '"parents":[1,0,0,0,0]', text)
    with pytest.raises(FitError, match="ring"):
        chow_liu.ChowLiuGenerator.load({**files, "model.json": ring.encode()})


def test_the_page_shows_the_example_as_it_is() -> None:
    """Every block of Python on the page stands in the module, word for word."""
    page = (DOCS / "generators" / "write-your-own.md").read_text(encoding="utf-8")
    module = (DOCS / "examples" / "tabular" / "chow_liu.py").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", page, re.M | re.S)
    assert len(blocks) >= 4
    for block in blocks:
        assert block in module, block
