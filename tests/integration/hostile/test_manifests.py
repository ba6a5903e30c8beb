"""Proofs, paths and documents that were made to break whoever reads them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mintage.provenance.layout import commit_path, head_path, records_path
from mintage.provenance.merkle import node_hash

if TYPE_CHECKING:
    from tests.integration.hostile.conftest import Child
    from tests.integration.hostile.forger import Forger

JUDGE = """
import sys, mintage
key, part, *proofs = sys.argv[1:]
for proof in proofs:
    report = mintage.verify_part(part, proof, keys=[key])
    print(proof, *(failure.code for failure in report.failures))
"""


def test_forged_proofs_do_not_hold(child: Child, dataset: Path, key: Path) -> None:
    assert child.mintage("prove", dataset, "--shard", "1", "-o", "honest").code == 0
    honest = json.loads((child.folder / "honest").read_bytes())
    first, second = honest["proof"]
    inner = node_hash(bytes.fromhex(first), bytes.fromhex(first)).hex()
    forgeries: dict[str, dict[str, Any]] = {
        "long": {"proof": [first, second, second]},
        "short": {"proof": [first]},
        "empty": {"proof": []},
        "turned": {"proof": [second, first]},
        "another-place": {"place": "2", "parts": {"people": "data/people/part-000002-x.parquet"}},
        "behind-the-end": {"place": "4"},
        "a-node-for-a-leaf": {"proof": [inner]},
        "another-record": {"record": honest["record"] | {"seed_path": "5/1/2"}},
        "outside": {"parts": {"people": "data/people/part-000001-/../../../x"}},
    }
    for name, change in forgeries.items():
        (child.folder / name).write_text(json.dumps(honest | change), encoding="utf-8")
    (part,) = (dataset / "data/people").glob("part-000001-*")
    done = child.python(JUDGE, key, part, "honest", *forgeries)
    told = {name: codes for name, *codes in (line.split() for line in done.out.splitlines())}
    assert done.code == 0, done.err
    assert told.pop("honest") == []
    assert told == {
        name: ["bad-proof" if name in ("behind-the-end", "outside") else "wrong-proof"] for name in forgeries
    }


@pytest.mark.parametrize(
    "paths",
    [
        ["../../etc/passwd", "/etc/passwd", "C:\\secret", "data/people/part-000003-\0.parquet"],
        [
            "data/people/../people/part-000000-x",
            "data//people/part-000001-x",
            "data/people/part-000000-x",
            "data/people/part-000003-e\u0301",
        ],
    ],
    ids=["outside", "ambiguous"],
)
def test_a_path_that_leads_elsewhere_is_refused_before_anything_is_read(
    child: Child, dataset: Path, key: Path, forger: Forger, paths: list[str]
) -> None:
    for shard, path in enumerate(paths):
        forger.change_commit(shard, _naming(path))
    done = child.mintage("verify", dataset, "--key", key, "--json")
    done.refused()
    report = done.json
    assert [f["path"] for f in report["failures"] if f["code"] == "unsafe-path"] == [
        commit_path(shard) for shard in range(4)
    ]
    assert report["checked"]["parts"] == 0


def _naming(path: str) -> Callable[[dict[str, Any]], object]:
    return lambda commit: commit["parts"].update(people=path)


def test_a_link_that_leads_elsewhere_is_refused_before_anything_is_read(
    child: Child, dataset: Path, key: Path
) -> None:
    secret = child.home / "secret"
    (part,) = (dataset / "data/people").glob("part-000001-*")
    os.link(part, secret)
    part.unlink()
    part.symlink_to(secret)
    done = child.mintage("verify", dataset, "--key", key, "--json")
    done.refused("unsafe-path", "a symbolic link leads out of the data set")
    assert done.json["checked"]["parts"] == 3


def test_a_record_that_stands_there_twice_is_refused(
    child: Child, dataset: Path, key: Path, forger: Forger
) -> None:
    def doubled(records: list[dict[str, Any]]) -> None:
        records[2] = records[1]

    forger.change_records(doubled)
    child.mintage("verify", dataset, "--key", key).refused(
        "bad-record", "the record of shard 1 stands in the place of 2"
    )
    forger.change_commit(2, lambda commit: commit["parts"].update(people="data/people/part-000001-x.parquet"))
    child.mintage("verify", dataset, "--key", key, "--shard", "2").refused("bad-record")


DOCUMENTS: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("nested deeper than 64 levels", lambda _: b"[" * 100_000),
    ("is not exact beyond", lambda data: data.replace(b'"index":1', b'"index":' + b"1" * 10_000_000)),
    ("is there twice", lambda data: data.replace(b'"index":2', b'"index":2,"index":2')),
    ("NaN is not a JSON number", lambda data: data.replace(b'"index":3', b'"index":NaN')),
]


def test_documents_that_break_parsers_are_refused(child: Child, dataset: Path, key: Path) -> None:
    for shard, (_, change) in enumerate(DOCUMENTS):
        path = dataset / commit_path(shard)
        path.write_bytes(change(path.read_bytes()))
    done = child.mintage("verify", dataset, "--key", key)
    done.refused("bad-commit", *(reason for reason, _ in DOCUMENTS))


@pytest.mark.parametrize(
    ("name", "code"),
    [
        (head_path(1), "bad-head"),
        ("_mintage/versions/1/statements.jsonl", "bad-statement"),
        ("_mintage/plan.json", "changed-plan"),
        (records_path(1, 0), "changed-records"),
        (commit_path(1), "bad-commit"),
    ],
)
def test_a_document_of_ten_gigabytes_is_not_read(
    child: Child, dataset: Path, key: Path, name: str, code: str
) -> None:
    os.truncate(dataset / name, 10 * 2**30)  # a hole: it takes no room on the disk
    child.mintage("verify", dataset, "--key", key).refused(code)


POLICIES: dict[str, tuple[str, str]] = {
    "deep.json": ("[" * 100_000, "nested deeper"),
    "twice.json": ('{"format": "mintage-policy/1", "format": "x"}', "is there twice"),
    "long.json": ('{"min_version": ' + "9" * 500_000 + "}", "digits"),
    "nan.json": ('{"min_version": NaN}', "NaN"),
    "large.json": (" " * 2**21, "bytes"),
    "code.yaml": ("!!python/object/apply:os.system [id]", "is not supported"),
    "alias.yaml": ("a: &a [1]\nb: [*a, *a]", "is not supported"),
    "deep.yaml": ("[" * 10_000, "nested deeper"),
}

READ = """
import sys, mintage
for policy in sys.argv[1:]:
    try:
        mintage.verify("people", policy=policy)
    except mintage.MintageError as exc:
        print(type(exc).__name__, exc.message)
"""


def test_a_policy_that_breaks_parsers_is_bad_input(child: Child, dataset: Path) -> None:
    for name, (text, _) in POLICIES.items():
        (child.folder / name).write_text(text, encoding="utf-8")
    done = child.python(READ, *POLICIES)
    assert done.code == 0, done.err
    told = done.out.splitlines()
    assert len(told) == len(POLICIES), done.out
    for line, (name, (_, reason)) in zip(told, POLICIES.items(), strict=True):
        assert line.startswith(f"SpecError {name}: ")
        assert reason in line
    child.mintage("verify", dataset, "--policy", "deep.json").refused("deep.json", code=2)
