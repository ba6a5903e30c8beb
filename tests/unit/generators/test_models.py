from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from mintage.contracts import FitContext, FitProgress, Generator, Model, SampleRequest
from mintage.errors import FitError, SourceError
from mintage.testing import GENERATOR_CHECKS, GeneratorCase, GeneratorCheck, memory_source
from mintage_generators.tabular.autoregressive.config import AutoregressiveConfig
from mintage_generators.tabular.autoregressive.generator import AutoregressiveGenerator
from mintage_generators.tabular.marginals.config import MarginalsConfig
from mintage_generators.tabular.marginals.generator import MarginalsGenerator

SHORT = AutoregressiveConfig(max_steps=20, max_seconds=None, hidden=16, batch_rows=64)


def fit(table: pa.Table, config: AutoregressiveConfig = SHORT, seed: int = 3) -> Model:
    return AutoregressiveGenerator(config).fit(memory_source(table), FitContext(seed=seed))


def baseline(table: pa.Table) -> Model:
    return MarginalsGenerator(MarginalsConfig()).fit(memory_source(table), FitContext(seed=3))


BOTH = pytest.mark.parametrize("make", [fit, baseline], ids=["autoregressive", "marginals"])
Make = Callable[[pa.Table], Model]


def same(one: pa.RecordBatch, other: pa.RecordBatch) -> bool:
    """Whether two batches are equal, with NaN equal to itself."""
    return one.schema == other.schema and str(one.to_pydict()) == str(other.to_pydict())


def drawn(model: Model, rows: int, batch: int = 0, seed: int = 1) -> pa.RecordBatch:
    (only,) = model.sample(SampleRequest(seed=seed, shard=0, batch=batch, rows=rows, first_key=0))
    return only.batch


@pytest.fixture(scope="module")
def cases(mixed: pa.Table) -> dict[str, GeneratorCase]:
    source = memory_source(mixed.drop_columns(["huge"]))
    return {
        "autoregressive": GeneratorCase(generator=AutoregressiveGenerator, config=SHORT, source=source),
        "marginals": GeneratorCase(generator=MarginalsGenerator, config=MarginalsConfig(), source=source),
    }


@pytest.mark.parametrize("kind", ["autoregressive", "marginals"])
@pytest.mark.parametrize(
    "check",
    # A fresh process for each of the built-in ones is started in tests/conformance.
    [check for check in GENERATOR_CHECKS if check.__name__ != "repeats_in_a_fresh_process"],
    ids=lambda check: check.__name__,
)
def test_conformance(cases: dict[str, GeneratorCase], kind: str, check: GeneratorCheck) -> None:
    check(cases[kind])


@BOTH
def test_rows_have_the_types_of_the_source(make: Make, mixed: pa.Table) -> None:
    model = make(mixed)
    plain = mixed.schema.set(3, pa.field("level", pa.string()))
    assert model.schema.root_table.arrow() == plain
    assert drawn(model, 100).schema == plain


@BOTH
def test_zero_rows_are_an_empty_batch(make: Make, mixed: pa.Table) -> None:
    assert drawn(make(mixed), 0).num_rows == 0


@BOTH
def test_a_rare_category_and_an_extreme_never_come_out(make: Make) -> None:
    rng = np.random.default_rng(0)
    names = np.where(rng.random(5000) < 0.5, "one", "two").astype(object)
    names[:4] = "secret"
    numbers = rng.normal(size=5000)
    numbers[4:8] = [1e6, -1e6, 2e6, -2e6]
    rows = drawn(make(pa.table({"name": pa.array(names), "number": numbers})), 50_000)
    assert set(rows["name"].to_pylist()) == {"one", "two"}
    assert pc.max(pc.abs(rows["number"])).as_py() < 10


@BOTH
def test_shares_of_null_nan_and_categories_are_kept(make: Make, mixed: pa.Table) -> None:
    rows = drawn(make(mixed), 20_000)
    for column in ("float", "flag"):
        expected = mixed[column].null_count / len(mixed)
        assert rows[column].null_count / 20_000 == pytest.approx(expected, abs=0.02)
    expected = pc.sum(pc.is_nan(mixed["float"])).as_py() / len(mixed)
    assert pc.sum(pc.is_nan(rows["float"])).as_py() / 20_000 == pytest.approx(expected, abs=0.02)


@BOTH
def test_constant_and_empty_columns_stay_so(make: Make) -> None:
    table = pa.table({"one": [1] * 50, "none": pa.nulls(50, pa.string()), "void": pa.nulls(50)})
    rows = drawn(make(table), 10)
    assert rows.to_pydict() == {"one": [1] * 10, "none": [None] * 10, "void": [None] * 10}


def test_the_network_learns_what_hangs_together() -> None:
    rng = np.random.default_rng(0)
    a = rng.integers(0, 8, 4000)
    b = (a + (rng.random(4000) < 0.1)) % 8
    number = a * 100 + rng.normal(size=4000)
    table = pa.table({"a": a, "b": b, "number": number})
    config = AutoregressiveConfig(max_steps=400, max_seconds=None, hidden=32, batch_rows=256)
    rows = drawn(fit(table, config), 4000).to_pandas()
    assert (rows.a == rows.b).mean() == pytest.approx(0.9, abs=0.05)
    assert np.corrcoef(rows.a, rows.number)[0, 1] > 0.9
    alone = drawn(baseline(table), 4000).to_pandas()
    assert (alone.a == alone.b).mean() < 0.2


def test_twenty_thousand_levels_go_with_their_group() -> None:
    level = np.tile(np.arange(20_000), 5)
    table = pa.table({"level": [f"v{i}" for i in level], "group": level % 4})
    rows = drawn(fit(table, SHORT.model_copy(update={"max_steps": 10})), 20_000).to_pandas()
    assert (rows.level.str[1:].astype(int) % 4 == rows.group).all()
    assert rows.level.nunique() > 8000


def test_equal_fits_save_equal_bytes(mixed: pa.Table) -> None:
    assert fit(mixed).save() == fit(mixed).save()
    assert fit(mixed).save() != fit(mixed, seed=4).save()


@BOTH
def test_a_request_gives_the_same_rows_whatever_was_asked_before(make: Make, mixed: pa.Table) -> None:
    model = make(mixed)
    first = drawn(model, 5000, batch=3)
    drawn(model, 100, batch=1)
    assert same(drawn(model, 5000, batch=3), first)
    assert not same(drawn(model, 5000, batch=4), first)


def test_threads_do_not_change_the_rows(mixed: pa.Table) -> None:
    import torch

    model, threads = fit(mixed), torch.get_num_threads()
    one = drawn(model, 3000)
    torch.set_num_threads(2)
    try:
        assert same(drawn(model, 3000), one)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)


def test_training_stops_when_held_out_rows_are_no_longer_learned() -> None:
    rng = np.random.default_rng(0)
    table = pa.table({f"c{i}": rng.integers(0, 9, 300) for i in range(3)})
    config = SHORT.model_copy(update={"hidden": 32, "max_steps": 20_000})
    record = fit(table, config).fit_record
    assert record["stopped"] == "early"
    assert isinstance(record["steps"], int)
    assert record["steps"] < 5000
    assert record["best_step"] < record["steps"]  # type: ignore[operator]


def test_seconds_end_the_training_and_the_steps_are_told(mixed: pa.Table) -> None:
    notes: list[FitProgress] = []
    context = FitContext(seed=1, report=notes.append)
    config = SHORT.model_copy(update={"max_seconds": 1.0, "max_steps": 10**6})
    record = AutoregressiveGenerator(config).fit(memory_source(mixed), context).fit_record
    assert record["stopped"] == "max_seconds"
    assert record["steps"]
    again = SHORT.model_copy(update={"max_steps": record["steps"]})
    assert fit(mixed, again).fit_record["steps"] == record["steps"]


def test_temperature_sharpens(mixed: pa.Table) -> None:
    shares = []
    for temperature in (0.3, 1.0):
        rows = drawn(fit(mixed, SHORT.model_copy(update={"temperature": temperature})), 4000)
        shares.append(pc.mean(pc.cast(rows["flag"], pa.float64())).as_py())
    assert shares[0] < shares[1]


def _without(files: dict[str, bytes]) -> dict[str, bytes]:
    return {"model.json": files["model.json"]}


def _cut(files: dict[str, bytes]) -> dict[str, bytes]:
    return files | {"model.safetensors": files["model.safetensors"][:-100]}


def _no_json(files: dict[str, bytes]) -> dict[str, bytes]:
    return files | {"model.json": b"{" + files["model.json"]}


def _other_levels(files: dict[str, bytes]) -> dict[str, bytes]:
    document = json.loads(files["model.json"])
    document["codec"]["columns"][0]["levels"].append("mallory")
    return files | {"model.json": json.dumps(document).encode()}


def _other_type(files: dict[str, bytes]) -> dict[str, bytes]:
    document = json.loads(files["model.json"])
    document["codec"]["schema_"]["tables"][0]["columns"][0]["type"] = "int64"
    return files | {"model.json": json.dumps(document).encode()}


def _fewer_columns(files: dict[str, bytes]) -> dict[str, bytes]:
    document = json.loads(files["model.json"])
    document["codec"]["columns"].pop()
    return files | {"model.json": json.dumps(document).encode()}


def _other_key(files: dict[str, bytes]) -> dict[str, bytes]:
    document = json.loads(files["model.json"])
    return files | {"model.json": json.dumps(document | {"surprise": 1}).encode()}


@BOTH
@pytest.mark.parametrize(
    "tamper", [_without, _cut, _no_json, _other_levels, _other_type, _fewer_columns, _other_key]
)
def test_tampered_files_are_refused(
    make: Make, tamper: Callable[[dict[str, bytes]], dict[str, bytes]], mixed: pa.Table
) -> None:
    model = make(mixed)
    kind: type[Generator] = MarginalsGenerator if make is baseline else AutoregressiveGenerator
    with pytest.raises(FitError, match="not a model that this generator saved"):
        kind.load(tamper(model.save()))


def test_one_generator_refuses_the_model_of_another(mixed: pa.Table) -> None:
    with pytest.raises(FitError, match="not a model that this generator saved"):
        AutoregressiveGenerator.load(baseline(mixed).save())


def test_a_network_of_another_size_is_refused(mixed: pa.Table) -> None:
    files = fit(mixed).save()
    document = json.loads(files["model.json"]) | {"hidden": 64}
    with pytest.raises(FitError, match="network"):
        AutoregressiveGenerator.load(files | {"model.json": json.dumps(document).encode()})


@BOTH
def test_a_source_of_several_tables_is_refused(make: Make, mixed: pa.Table) -> None:
    del make
    source = memory_source({"a": mixed, "b": mixed})
    with pytest.raises(SourceError, match="the source has 2 tables"):
        MarginalsGenerator(MarginalsConfig()).fit(source, FitContext(seed=1))


@pytest.mark.parametrize("kind", [AutoregressiveGenerator, MarginalsGenerator])
def test_a_missing_source_is_refused(kind: type[Generator]) -> None:
    with pytest.raises(SourceError, match="there is none"):
        kind(kind.Config()).fit(None, FitContext(seed=1))


def test_a_table_too_wide_for_the_network_is_refused_and_fits_the_marginals() -> None:
    table = pa.table({f"c{i}": np.arange(20) % 3 for i in range(2000)})
    with pytest.raises(SourceError, match="2000 columns") as caught:
        fit(table)
    assert "tabular.marginals" in caught.value.hint
    assert "tabular.copula" in caught.value.hint
    assert drawn(baseline(table), 5).num_columns == 2000


def test_columns_that_are_left_out_do_not_make_a_table_too_wide() -> None:
    table = pa.table({f"c{i}": np.arange(40) % 3 for i in range(503)})
    config = SHORT.model_copy(update={"exclude": tuple(f"c{i}" for i in range(4, 503))})
    assert drawn(fit(table, config), 5).schema.names == ["c0", "c1", "c2", "c3"]
    with pytest.raises(SourceError, match="502 columns"):
        fit(table, SHORT.model_copy(update={"exclude": ("c0",)}))


def test_importing_the_generators_does_not_import_torch() -> None:
    code = (
        "import sys\n"
        "import mintage_generators.tabular.marginals.generator\n"
        "import mintage_generators.tabular.autoregressive.generator\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
