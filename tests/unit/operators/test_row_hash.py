"""Row hashes stay what they are: what was prepared once is compared with rows that are minted later."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mintage.errors import SpecError
from mintage.operators._hash_sets import GrowingSet, collect, is_member, restore
from mintage.operators.row_hash import hash_rows

NULL = 15172350692208530252

GOLDEN = {
    "integers": (
        pl.Series([0, 1, -1, None]),
        [16294208416658607535, 16490336266968443936, 15999695513772384452, NULL],
    ),
    "floats": (
        pl.Series([0.0, 1.5, float("nan"), None]),
        [16294208416658607535, 9832619553069098951, 9730546864675883714, NULL],
    ),
    "text": (
        pl.Series(["", "a", "Straße " * 100, None]),
        [258863698125685209, 17765726331225120737, 17680542947082141000, NULL],
    ),
    "bytes": (
        pl.Series([b"", b"\0", b"\0\0", None]),
        [258863698125685209, 9488101898964762787, 2993714709578315362, NULL],
    ),
    "booleans": (pl.Series([True, False, None]), [16490336266968443936, 16294208416658607535, NULL]),
    "dates": (pl.Series([date(2013, 1, 1)]), [12340977412695728398]),
    "timestamps": (pl.Series([datetime(2013, 1, 1)]), [4703921611046507180]),
    "decimals": (pl.Series([Decimal("1.50")]), [2501600033300080347]),
    "lists": (
        pl.Series([[1, 2], [], [None], None], dtype=pl.List(pl.Int64)),
        [6509803240623595782, 258863698125685209, 9604500394299365523, NULL],
    ),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_the_hash_of_a_value_never_changes(name: str) -> None:
    column, expected = GOLDEN[name]
    assert hash_rows([column]).tolist() == expected
    reverse = column.reverse()
    assert hash_rows([reverse]).tolist() == expected[::-1]


def test_the_hash_of_a_row_depends_on_the_order_of_its_columns() -> None:
    a, b = pl.Series([1, 2]), pl.Series(["a", None])
    assert hash_rows([a, b]).tolist() == [18066003488426421685, 17430242318903372552]
    assert hash_rows([b, a]).tolist() != hash_rows([a, b]).tolist()


@settings(max_examples=40)
@given(st.lists(st.one_of(st.none(), st.text(max_size=40), st.text(min_size=500, max_size=1100)), max_size=8))
def test_equal_texts_hash_equally_and_others_do_not(texts: list[str | None]) -> None:
    hashes = hash_rows([pl.Series(texts, dtype=pl.String)]).tolist()
    assert len(set(hashes)) == len(set(texts))
    alone = [hash_rows([pl.Series([text], dtype=pl.String)]).tolist()[0] for text in texts]
    assert hashes == alone


def test_a_slice_of_a_column_hashes_as_its_values() -> None:
    lists = pl.Series([[1], [2, 3], None, [4]], dtype=pl.List(pl.Int64))
    arrays = pl.Series([[1, 2], [3, 4], [5, 6]], dtype=pl.Array(pl.Int64, 2))
    texts = pl.Series(["a", "bc", None, "d"])
    for column in (lists, arrays, texts):
        whole = hash_rows([column]).tolist()
        assert hash_rows([column.slice(1, 2)]).tolist() == whole[1:3]


def test_many_rows_do_not_collide() -> None:
    rows = 200_000
    hashes = hash_rows([pl.Series(np.arange(rows) % 1000), pl.Series(np.arange(rows) // 1000)])
    assert len(np.unique(hashes)) == rows
    # Neighbouring inputs end in unrelated bits: each bit is set in about half of the rows.
    shares = [float(((hashes >> np.uint64(bit)) & np.uint64(1)).mean()) for bit in range(64)]
    assert all(0.49 < share < 0.51 for share in shares)


@given(st.lists(st.lists(st.integers(0, 50), max_size=20), max_size=12))
def test_a_growing_set_is_a_set(chunks: list[list[int]]) -> None:
    grown, known = GrowingSet(), set[int]()
    queries = np.arange(51, dtype=np.uint64)
    for chunk in chunks:
        grown.add(np.array(chunk, dtype=np.uint64))
        known |= set(chunk)
        assert grown.contains(queries).tolist() == [query in known for query in range(51)]
    assert grown.sorted().tolist() == sorted(known)


@given(st.lists(st.lists(st.integers(0, 2**64 - 1), max_size=20), max_size=6))
def test_a_prepared_set_is_restored_however_it_was_cut(chunks: list[list[int]]) -> None:
    data = collect((np.array(chunk, dtype=np.uint64) for chunk in chunks), "rule")
    joined = np.array([value for chunk in chunks for value in chunk], dtype=np.uint64)
    assert collect([joined], "rule") == data
    members = restore(data, "rule")
    assert members.tolist() == sorted(set(joined.tolist()))
    assert is_member(joined, members).all()
    assert not is_member(joined ^ np.uint64(1), np.setdiff1d(members, joined ^ np.uint64(1))).any()


def test_a_prepared_set_has_a_limit() -> None:
    with pytest.raises(SpecError, match="more than 3 distinct"):
        collect([np.arange(4, dtype=np.uint64)], "rule", limit=3)
