"""Records have one spelling: what is read quickly is what the strict way would read, and nothing else is."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mintage.errors import ProvenanceError
from mintage.provenance.canonical import canonical_json, canonical_texts, parse_json
from mintage.provenance.records import (
    CommitRecord,
    Record,
    RejectRecord,
    ShardRecord,
    SketchRecord,
    TableRecord,
    VerdictCounts,
)

Kind = TypeVar("Kind", bound=Record)

# Names that JSON must escape, that sort otherwise in UTF-16, and that are keys of records themselves.
NAMES = st.sampled_from(
    ["t", "B", "a b", 'q"', "back\\", "\n\x7f\x1f", "é", "\uffee", "\U0001f600", "plan", "record", "rejects"]
) | st.text(min_size=1, max_size=4)
TEXTS = NAMES | st.just("")
COUNTS = st.integers(0, 2**64 - 1) | st.integers(0, 9)
HEX = st.binary(min_size=32, max_size=32).map(bytes.hex)
DIGESTS = HEX.map(lambda text: f"sha256:{text}")


def maps(values: st.SearchStrategy[object]) -> st.SearchStrategy[dict[str, object]]:
    """Up to three names in any order."""
    return st.lists(st.tuples(NAMES, values), max_size=3).map(dict)


def made(kind: type[Kind], **fields: st.SearchStrategy[object]) -> st.SearchStrategy[Kind]:
    """Records of those fields; `st.builds` would make up those that have a default as well."""
    return st.fixed_dictionaries(fields).map(lambda values: kind(**values))


VERDICTS = made(
    VerdictCounts,
    drawn=COUNTS, accepted=COUNTS, orphaned=COUNTS, surplus=COUNTS, rejected=maps(COUNTS),
    tagged=maps(COUNTS), violations=maps(COUNTS),
)  # fmt: skip
COLUMNS = st.fixed_dictionaries({"name": TEXTS, "nulls": TEXTS}, optional={"min": TEXTS, "max": TEXTS})
TABLES = made(
    TableRecord,
    rows=COUNTS, bytes=COUNTS, sha256=HEX, content=DIGESTS, schema_id=DIGESTS,
    statistics=st.lists(COLUMNS, max_size=3), verdicts=VERDICTS,
)  # fmt: skip
SHARDS = made(
    ShardRecord,
    index=st.integers(0, 2**53 - 1), seed_path=st.just("7/1/3"), model=st.none() | DIGESTS,
    tables=st.lists(st.tuples(NAMES, TABLES), min_size=1, max_size=3).map(dict),
)  # fmt: skip
COMMITS = made(
    CommitRecord,
    plan=DIGESTS, run_id=NAMES, attempt=NAMES, worker=TEXTS, started=TEXTS, finished=TEXTS, parts=maps(TEXTS),
    rejects=maps(made(RejectRecord, path=TEXTS, sha256=HEX, rows=COUNTS)),
    sketches=maps(made(SketchRecord, path=TEXTS, sha256=HEX, bytes=COUNTS)),
    record=SHARDS,
)  # fmt: skip


@settings(max_examples=120)
@given(commit=COMMITS)
def test_a_record_is_written_as_rfc_8785_says_and_comes_back(commit: CommitRecord) -> None:
    data = commit.to_bytes()
    assert data == canonical_json(commit.to_json())
    assert commit.leaf == canonical_json(commit.record.to_json())
    again = CommitRecord.from_bytes(data)
    assert again == commit
    assert (again.to_bytes(), again.leaf) == (data, commit.leaf)
    assert ShardRecord.from_bytes(commit.leaf) == commit.record


PLAN = "sha256:" + "d" * 64
AWKWARD: dict[str, dict[str, object]] = {
    "a part that reads like the plan": {"parts": {"a": "x", "plan": PLAN}},
    "a run that reads like the plan": {"run_id": f'"plan":"{PLAN}"'},
    "names in the order of code points": {"parts": {"\uffee": "x", "\U0001f600": "y"}},
    "names in the order of UTF-16": {"parts": {"\U0001f600": "y", "\uffee": "x"}},
    "names in no order": {"parts": {"b": "x", "a": "y"}},
}


@pytest.mark.parametrize("fields", AWKWARD.values(), ids=list(AWKWARD))
def test_an_awkward_commit_is_written_as_rfc_8785_says(fields: dict[str, object]) -> None:
    awkward = commit().model_copy(update=fields)
    assert awkward.to_bytes() == canonical_json(awkward.to_json())
    assert CommitRecord.from_bytes(awkward.to_bytes()) == awkward


@pytest.mark.parametrize(
    "kind", [VerdictCounts, TableRecord, ShardRecord, CommitRecord], ids=lambda k: k.__name__
)
def test_fields_stand_in_the_order_of_their_names_in_json(kind: type[Record]) -> None:
    names = [field.serialization_alias or name for name, field in kind.model_fields.items()]
    assert names == sorted(names)


def commit() -> CommitRecord:
    """One with a field of every kind."""
    verdicts = VerdictCounts(drawn=12, accepted=10, rejected={"a": 1, "b": 1})
    table = TableRecord(
        rows=10, bytes=99, sha256="a" * 64, content="sha256:" + "b" * 64, schema_id="sha256:" + "c" * 64,
        statistics=[{"name": "n", "nulls": "0"}], verdicts=verdicts,
    )  # fmt: skip
    record = ShardRecord(index=10, seed_path="7/1/10", model=None, tables={"t": table})
    return CommitRecord(
        plan=PLAN, run_id="run", attempt="a1", worker="host", started="x", finished="y",
        parts={"t": "data/t/part-000010-a1.parquet"}, record=record,
    )  # fmt: skip


def odd() -> CommitRecord:
    """One with names that need escapes, or are not ASCII, or are those of fields."""
    names = ['q"', "\n\x1f", "\uffee", "\U0001f600", "plan", "record", "rejects"]
    table = commit().record.tables["t"]
    record = ShardRecord(index=2**53 - 1, seed_path="7", model=None, tables=dict.fromkeys(names, table))
    return commit().model_copy(update={"parts": dict.fromkeys(names, "p"), "record": record})


@st.composite
def mutated(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """The bytes of a commit, and the same changed in one to three places."""
    good = draw(st.sampled_from([commit().to_bytes(), odd().to_bytes()]))
    data = bytearray(good)
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(data) - 1))
        kind = draw(st.sampled_from(["change", "drop", "insert", "double"]))
        byte = draw(st.sampled_from(b' 0123456789"\\{}[]:,.eE+-aAuf\n\x00\x7f\xc3') | st.integers(0, 255))
        match kind:
            case "change":
                data[place] = byte
            case "drop":
                del data[place]
            case "insert":
                data.insert(place, byte)
            case _:
                data[place:place] = data[place : place + draw(st.integers(1, 40))]
    return good, bytes(data)


@settings(max_examples=400)
@given(pair=mutated())
def test_other_bytes_are_refused_or_are_the_one_spelling_of_another_record(pair: tuple[bytes, bytes]) -> None:
    good, data = pair
    try:
        commit = CommitRecord.from_bytes(data)
    except ProvenanceError:
        return
    assert canonical_json(parse_json(data, max_bytes=2**20)) == data
    assert canonical_json(commit.to_json()) == data
    assert (commit == CommitRecord.from_bytes(good)) == (data == good)


def swap(data: bytes, old: bytes, new: bytes) -> bytes:
    assert data.count(old) == 1, old
    return data.replace(old, new)


SPELLINGS: dict[str, Callable[[bytes], bytes]] = {
    "a space": lambda data: swap(data, b'"index":10', b'"index": 10'),
    "a newline at the end": lambda data: data + b"\n",
    "a byte order mark": lambda data: b"\xef\xbb\xbf" + data,
    "another order of fields": lambda data: json.dumps(
        dict(reversed(json.loads(data).items())), separators=(",", ":")
    ).encode(),
    "another order in a map": lambda data: swap(data, b'{"a":"1","b":"1"}', b'{"b":"1","a":"1"}'),
    "another order in statistics": lambda data: swap(
        data, b'{"name":"n","nulls":"0"}', b'{"nulls":"0","name":"n"}'
    ),
    "an escape without need": lambda data: swap(data, b'"worker":"host"', b'"worker":"h\\u006fst"'),
    "a solidus escaped": lambda data: swap(data, b'"7/1/10"', b'"7\\/1\\/10"'),
    "an integer with a fraction": lambda data: swap(data, b'"index":10', b'"index":10.0'),
    "an integer with an exponent": lambda data: swap(data, b'"index":10', b'"index":1e1'),
    "a leading zero": lambda data: swap(data, b'"rows":"10"', b'"rows":"010"'),
    "a plus sign": lambda data: swap(data, b'"rows":"10"', b'"rows":"+10"'),
    "an underscore": lambda data: swap(data, b'"rows":"10"', b'"rows":"1_0"'),
    "a count as a number": lambda data: swap(data, b'"rows":"10"', b'"rows":10'),
    "a key twice": lambda data: swap(data, b'"worker":"host"', b'"worker":"host","worker":"host"'),
    "a key twice, the first another": lambda data: swap(
        data, b'"worker":"host"', b'"worker":"evil","worker":"host"'
    ),
    "a default left out": lambda data: swap(data, b'"surplus":"0",', b""),
    "an unknown key in statistics": lambda data: swap(data, b'"nulls":"0"}', b'"nulls":"0","x":"1"}'),
}


@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=list(SPELLINGS))
def test_another_spelling_of_the_same_record_is_refused(spell: Callable[[bytes], bytes]) -> None:
    data = commit().to_bytes()
    assert CommitRecord.from_bytes(data) == commit()
    with pytest.raises(ProvenanceError):
        CommitRecord.from_bytes(spell(data))


@given(values=st.dictionaries(TEXTS, TEXTS, max_size=4))
def test_a_map_of_texts_has_the_canonical_form_of_any_value(values: dict[str, str]) -> None:
    assert canonical_texts(values) == canonical_json(values)
