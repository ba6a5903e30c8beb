"""Sketches: exact, the same however the rows come, bounded in size, and refused when they are garbage."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from mintage.contracts import Semantics, TableSchema
from mintage.errors import ProvenanceError
from mintage.evaluation.binning import Binning, make_binning
from mintage.evaluation.sketch import TableSketch, sketch_of


def people(seed: int, rows: int) -> pa.Table:
    """Columns of all kinds, with missing values in three of them."""
    rng = np.random.default_rng(seed)
    income = rng.lognormal(10, 1, rows)
    income[rng.random(rows) < 0.1] = np.nan
    sex = rng.choice(["F", "M"], rows).astype(object)
    sex[rng.random(rows) < 0.05] = None
    return pa.table(
        {
            "age": rng.integers(18, 90, rows),
            "income": pa.array(income, from_pandas=True),
            "debt": pa.array(np.where(rng.random(rows) < 0.2, np.nan, income / 3), from_pandas=True),
            "sex": pa.array(sex),
            "town": pa.array([f"t{k}" for k in rng.zipf(1.5, rows).clip(0, 500)]).dictionary_encode(),
            "born": pa.array(rng.integers(-10_000, 10_000, rows).astype("datetime64[D]")),
            "paid": pa.array(rng.random(rows) < 0.3),
        }
    )


def grid(table: pa.Table) -> Binning:
    binning = make_binning(table.to_batches(), TableSchema.of("people", table.schema))
    assert binning is not None
    return binning


@pytest.fixture(scope="module")
def real() -> pa.Table:
    return people(1, 3000)


@pytest.fixture(scope="module")
def binning(real: pa.Table) -> Binning:
    return grid(real)


def cuts(rows: int, seed: int, parts: int) -> list[tuple[int, int]]:
    inner = np.sort(np.random.default_rng(seed).integers(0, rows, parts - 1)).tolist()
    return list(zip([0, *inner], [*inner, rows], strict=True))


@pytest.mark.parametrize(("seed", "parts"), [(1, 2), (2, 7), (3, 40)])
def test_any_split_of_the_rows_merged_in_any_order_gives_the_same_bytes(
    binning: Binning, seed: int, parts: int
) -> None:
    table = people(9, 5000)
    whole = sketch_of(table.to_batches(), binning).to_bytes()
    pieces = [sketch_of(table[start:stop].to_batches(17), binning) for start, stop in cuts(5000, seed, parts)]
    np.random.default_rng(seed).shuffle(pieces)
    folded = TableSketch(binning)
    for piece in pieces:
        folded.merge(TableSketch.from_bytes(piece.to_bytes(), binning))
    assert folded.to_bytes() == whole


def test_the_order_of_the_rows_does_not_show(binning: Binning) -> None:
    table = people(9, 2000)
    shuffled = table.take(np.random.default_rng(0).permutation(2000))
    assert (
        sketch_of(shuffled.to_batches(), binning).to_bytes()
        == sketch_of(table.to_batches(), binning).to_bytes()
    )


def test_values_far_apart_are_summed_exactly_in_any_order() -> None:
    rng = np.random.default_rng(4)
    spread = pa.table(
        {"a": rng.normal(size=500) * 10.0 ** rng.integers(-3, 12, 500), "b": rng.normal(size=500)}
    )
    binning = grid(pa.table({"a": rng.normal(size=500), "b": rng.normal(size=500)}))
    forward = sketch_of(spread.to_batches(7), binning)
    backward = sketch_of(spread.take(np.arange(500)[::-1]).to_batches(100), binning)
    assert forward.to_bytes() == backward.to_bytes()
    grid_of_a = binning.columns[0].grid
    assert grid_of_a is not None
    whole = [
        round(max(-(2**39), min(2**39, np.rint((v - grid_of_a.centre) / grid_of_a.unit))))
        for v in spread["a"].to_pylist()
    ]
    values, total, squares, clipped = forward.moments(0)
    assert (values, total, squares) == (500, sum(whole), sum(v * v for v in whole))
    assert clipped == sum(abs(v) == 2**39 for v in whole) > 0


def test_comoments_are_those_of_rows_where_both_columns_have_values(binning: Binning) -> None:
    table = people(5, 4000)
    sketch = sketch_of(table.to_batches(900), binning)
    names = [column.name for column in binning.columns]
    left, right = names.index("income"), names.index("debt")
    place = next(i for i, pair in enumerate(binning.pairs) if (pair.left, pair.right) == (left, right))
    rows, x, y, xx, yy, xy = sketch.comoments(place)
    both = table.select(["income", "debt"]).drop_null()
    assert rows == both.num_rows < 4000
    r = (rows * xy - x * y) / np.sqrt(float(rows * xx - x * x)) / np.sqrt(float(rows * yy - y * y))
    assert r == pytest.approx(np.corrcoef(both["income"], both["debt"])[0, 1], abs=1e-6)


def test_counts_and_cells_are_those_of_a_plain_count(binning: Binning) -> None:
    table = people(6, 2500)
    sketch = sketch_of(table.to_batches(), binning)
    names = [column.name for column in binning.columns]
    sex = binning.columns[names.index("sex")]
    texts = table["sex"].to_pylist()
    assert sketch.counts(names.index("sex")).tolist() == [
        texts.count(None),
        *(texts.count(level) for level in sex.levels),
        0,
    ]
    age = binning.columns[names.index("age")].grid
    assert age is not None
    ages = np.asarray(table["age"])
    assert sketch.counts(0)[1:].tolist() == np.histogram(ages, [-np.inf, *age.edges, np.inf])[0].tolist()
    pair = next(i for i, p in enumerate(binning.pairs) if (p.left, p.right) == (0, names.index("sex")))
    width = (age.high - age.low) / 10
    bins = np.clip((ages - age.low) // width, 0, 9).astype(int)
    expected = [
        sum(1 for b, s in zip(bins, texts, strict=True) if b == k and s == sex.levels[0]) for k in range(10)
    ]
    assert sketch.cells(pair)[1:, 1].tolist() == expected


@pytest.mark.parametrize("as_type", [pa.string(), pa.large_string(), pa.dictionary(pa.int8(), pa.string())])
def test_the_encoding_of_text_does_not_show(as_type: pa.DataType, binning: Binning) -> None:
    table = people(7, 400)
    recoded = table.set_column(3, "sex", table["sex"].cast(pa.string()).cast(as_type))
    assert (
        sketch_of(recoded.to_batches(), binning).to_bytes()
        == sketch_of(table.to_batches(), binning).to_bytes()
    )


def test_whole_floats_integers_and_text_are_one_level() -> None:
    columns = (pa.array([1.0, 2.0, None, 2.5] * 6), pa.array(["1", "2", None, "2.5"] * 6))
    made = []
    for column in columns:
        table = pa.table({"k": column})
        made.append(
            make_binning(table.to_batches(), TableSchema.of("t", table.schema), {"k": Semantics.CATEGORY})
        )
    assert made[0] is not None
    assert made[1] is not None
    assert made[0].columns == made[1].columns
    assert made[0].columns[0].levels == ("1", "2", "2.5")


def test_columns_that_the_grid_does_not_know_are_ignored(real: pa.Table, binning: Binning) -> None:
    tagged = real.append_column("_tags", pa.array([None] * real.num_rows, pa.list_(pa.string())))
    assert (
        sketch_of(tagged.to_batches(), binning).to_bytes() == sketch_of(real.to_batches(), binning).to_bytes()
    )


def test_rows_without_a_column_of_the_grid_are_refused(real: pa.Table, binning: Binning) -> None:
    with pytest.raises(ProvenanceError, match="lack the column 'sex'"):
        sketch_of(real.drop_columns(["sex"]).to_batches(), binning)


def test_infinities_count_as_missing(binning: Binning) -> None:
    table = people(8, 50)
    income = np.asarray(table["income"]).copy()
    income[:3] = [np.inf, -np.inf, np.nan]
    held = table.set_column(1, "income", pa.array(income))
    counts = sketch_of(held.to_batches(), binning).counts(1)
    assert counts[0] == np.count_nonzero(~np.isfinite(income))


def test_an_empty_sketch_has_bytes_too(binning: Binning) -> None:
    empty = TableSketch(binning)
    assert TableSketch.from_bytes(empty.to_bytes(), binning).rows == 0


def test_a_thousand_times_the_rows_take_hardly_more_room(binning: Binning) -> None:
    batch = people(3, 20_000)
    sketch = sketch_of(batch.to_batches(), binning)
    size = len(sketch.to_bytes())
    for _ in range(10):  # doubling: the rows of a thousand such batches
        sketch.merge(TableSketch.from_bytes(sketch.to_bytes(), binning))
    assert sketch.rows == 20_000 * 2**10
    assert len(sketch.to_bytes()) < 2.5 * size


def _plain(data: bytes) -> bytes:
    return zlib.decompress(data[len(b"mintage-sketch/1\n") :])


def _packed(body: bytes) -> bytes:
    return b"mintage-sketch/1\n" + zlib.compress(body)


def _replaced(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    def change(data: bytes) -> bytes:
        body = _plain(data)
        size = int.from_bytes(body[:8], "little")
        head = body[8 : 8 + size].replace(old, new, 1)
        assert head != body[8 : 8 + size]
        return _packed(len(head).to_bytes(8, "little") + head + body[8 + size :])

    return change


@pytest.mark.parametrize(
    "change",
    [
        lambda _: b"",
        lambda data: b"PAR1" + data,
        lambda data: data[:-10],
        lambda data: data + b"more",
        lambda data: data[:17] + b"\x00" * 50,
        lambda data: _packed(b"\xff" * 8 + _plain(data)[8:]),
        lambda data: _packed(_plain(data)[:-1]),
        lambda data: _packed(_plain(data)[:-1] + b"\x07"),
        lambda _: _packed(bytes(20_000_000)),
        _replaced(b'"rows":3000', b'"rows":3001'),
        _replaced(b'"rows":3000', b'"rows":-1'),
        _replaced(b'"rows":3000', b'"rows":3000,"more":1'),
        _replaced(b'"rows":3000', b'"rows":"3000"'),
        _replaced(b"[3000,", b"[2999,"),
        _replaced(b'"products":[[', b'"products":[[0,0,0,0,0,0,0],['),
        _replaced(b'"widths":[', b'"widths":[8,8,'),
        _replaced(b'"binning":"sha256:', b'"binning":"sha256:0'),
    ],
    ids=[
        "nothing", "another format", "cut off", "more after it", "not compressed", "endless head",
        "a counter less", "another count", "a bomb", "another number of rows", "negative rows", "unknown key",
        "text for a number", "moments of other rows", "too many sums", "too many widths", "another grid",
    ],
)  # fmt: skip
def test_bytes_that_are_no_sketch_of_the_grid_are_refused(
    real: pa.Table, binning: Binning, change: Callable[[bytes], bytes]
) -> None:
    data = sketch_of(real.to_batches(), binning).to_bytes()
    with pytest.raises(ProvenanceError):
        TableSketch.from_bytes(change(data), binning)


def test_sketches_of_two_grids_are_not_merged(binning: Binning) -> None:
    other = grid(people(2, 100))
    with pytest.raises(ProvenanceError, match="cannot be merged"):
        TableSketch(binning).merge(TableSketch(other))


def test_ten_thousand_columns_are_counted_with_fewer_pairs() -> None:
    rng = np.random.default_rng(0)
    numbers = {f"n{i}": rng.normal(size=20) for i in range(9000)}
    table = pa.table(numbers | {f"c{i}": ["a", "b"] * 10 for i in range(1000)})
    binning = grid(table)
    assert len(binning.columns) == 10_000
    assert 0 < len(binning.pairs) <= 2016
    sketch = sketch_of(table.to_batches(), binning)
    assert TableSketch.from_bytes(sketch.to_bytes(), binning).rows == 20
    assert len(binning.to_bytes()) < 64 * 2**20
