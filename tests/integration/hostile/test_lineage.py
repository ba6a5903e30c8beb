"""Lineages that lead nowhere, in circles, or without end: what is not known is never taken for real."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest

if TYPE_CHECKING:
    from tests.integration.hostile.conftest import Child

SPEC = """
name: again
source: {{uri: {source}}}
generator: {{kind: tabular.marginals}}
rows: 100
sink: {{uri: {sink}}}
resources: {{executor: inline}}
evaluation: {{metrics: []}}
lineage: {{trust: [signer.pub]{limits}}}
"""

WALK = """
from decimal import Decimal
from mintage.provenance.ancestry import Found, walk
from mintage.provenance.digests import digest_of
from mintage.provenance.lineage import Ancestor, Parent, derive

def parent(name):
    return Parent(name=name, kind="synthetic", digest=None, statement=digest_of(name.encode()), generation=1,
                  real_fraction=Decimal(0), weight=1)

def found(name, parents):
    lineage = derive([Ancestor(parent=parent(one)) for one in parents])
    return Found(statement=digest_of(name.encode()), name=name, uri="", lineage=lineage, keyids=("k",))
"""


@pytest.fixture
def again(child: Child, dataset: Path, key: Path) -> Path:
    """A data set that learned from the other one, by this child's own key."""
    del dataset, key
    done = child.mintage("run", _spec(child, "again"), "--json")
    assert done.code == 0, done.told
    return child.folder / "again"


def _spec(child: Child, sink: str, limits: str = "", source: str = "people") -> str:
    (child.folder / f"{sink}.yaml").write_text(SPEC.format(source=source, sink=sink, limits=limits))
    return f"{sink}.yaml"


def test_a_parent_that_is_missing_is_unknown_and_shown_as_missing(
    child: Child, again: Path, key: Path
) -> None:
    own = child.home / "mintage" / "identity.pem.pub"
    before = child.mintage("lineage", again, "--key", own, "--key", key, "--json")
    assert before.code == 0, before.told
    assert {node["state"] for node in before.json["nodes"].values()} == {"verified", "unattested"}
    prov = child.mintage("lineage", again, "--key", own, "--key", key, "--prov").json
    assert prov["@context"] == {"prov": "http://www.w3.org/ns/prov#"}
    shutil.rmtree(child.folder / "people")
    after = child.mintage("lineage", again, "--key", own, "--key", key, "--json")
    assert after.code == 0
    assert after.json["complete"] is False
    root, parent = after.json["nodes"].values()
    assert (root["state"], parent["state"], parent["parents"]) == ("verified", "missing", [])
    child.mintage("lineage", again, "--key", own, "--key", key).refused("missing", "is unknown", code=0)


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        (", max_generation: 9", "the generation is unknown (at least 2)"),
        (", forbid_roots: ['sha256:" + "0" * 64 + "']", "and so may be forbidden"),
    ],
)
def test_a_policy_decides_over_what_is_unknown(
    child: Child, dataset: Path, key: Path, limits: str, told: str
) -> None:
    # The data set learned from a table that nobody attested.
    del dataset, key
    child.mintage("run", _spec(child, "out", limits)).refused(told, "lineage.waive", code=2)
    assert not (child.folder / "out").exists()


def test_a_copy_that_lost_its_manifest_is_still_no_real_table(child: Child, dataset: Path, key: Path) -> None:
    del key
    [part, *_] = sorted(dataset.glob("data/people/*.parquet"))
    shutil.copy(part, child.folder / "innocent.parquet")
    child.mintage("attest", "innocent.parquet").refused("says of itself that it is synthetic", code=2)
    limits = ", max_generation: 1"
    done = child.mintage("run", _spec(child, "out", limits, "innocent.parquet"))
    done.refused("the generation is at least 2, and must be 1 or less", code=2)


def test_an_attestation_that_was_altered_makes_nothing_real(child: Child, key: Path) -> None:
    del key
    pl.DataFrame({"age": list(range(50))}).write_csv(child.folder / "real.csv")
    assert child.mintage("attest", "real.csv").code == 0
    own = child.home / "mintage" / "identity.pem.pub"
    shutil.copy(own, child.folder / "signer.pub")
    limits = ", require_attested: true"
    assert child.mintage("run", _spec(child, "good", limits, "real.csv")).code == 0
    file = child.folder / "real.csv.attestation.jsonl"
    for spoiled in (b"\x00\xff{}", file.read_bytes() * 65, b"[" * 100_000, b"x" * 17 * 2**20):
        file.unlink()
        file.write_bytes(spoiled)
        done = child.mintage("run", _spec(child, "bad", limits, "real.csv"))
        done.refused("no trusted statement says what 'real.csv' is", "is not believed", code=2)


def test_a_circle_ends_with_a_message(child: Child) -> None:
    program = WALK + (
        "ring = {'a': ['b'], 'b': ['c'], 'c': ['a']}\n"
        "walk(found('a', ['b']), parent('a'), lambda p, below: found(p.name, ring[p.name]))"
    )
    done = child.python(program)
    assert done.code == 1
    assert "the lineage goes in a circle" in done.err


@pytest.mark.slow
def test_a_million_ancestors_end_with_a_message(child: Child) -> None:
    chain = WALK + (
        "def follow(p, below):\n    return found(p.name, [str(int(p.name) + 1)])\n"
        "walk(found('0', ['1']), parent('0'), follow, depth=10**9)"
    )
    wide = WALK + (
        "layers = [derive([Ancestor(parent=parent(f'{n}.{i}')) for i in range(1000)]) for n in range(11)]\n"
        "def follow(p, below):\n"
        "    layer = layers[int(p.name.partition('.')[0]) + 1]\n"
        "    return Found(statement=p.statement, name=p.name, uri='', lineage=layer, keyids=('k',))\n"
        "start = Found(statement=digest_of(b'0'), name='0', uri='', lineage=layers[0], keyids=('k',))\n"
        "walk(start, parent('0'), follow)"
    )
    for program in (chain, wide):
        done = child.python(program)
        assert done.code == 1
        assert "more than 10000 steps: the walk ended at" in done.err


def test_a_statement_of_too_many_parents_is_refused(child: Child) -> None:
    program = WALK + (
        "from mintage.provenance.lineage import Lineage\n"
        "one = parent('a').to_json()\n"
        "Lineage.from_json({'generation': '2', 'realFraction': '0', 'parents': [one] * 10**6})"
    )
    done = child.python(program)
    assert done.code == 1
    assert "the lineage is malformed at parents" in done.err
