"""Walking up a lineage: what is verified, missing, untrusted, contradicted; as a tree, JSON and PROV."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

import mintage
from mintage.cli import main
from mintage.errors import ProvenanceError
from mintage.jobs.ancestry import prov_document
from mintage.provenance.ancestry import Ancestry, Found, walk
from mintage.provenance.digests import digest_of
from mintage.provenance.lineage import Ancestor, Parent, derive
from mintage.provenance.prov import prov_of
from mintage.provenance.signing import generate_key


def make(folder: Path, name: str, **replaced: object) -> mintage.Result:
    spec: dict[str, Any] = {
        "name": "people",
        "generator": {"kind": "tabular.marginals"},
        "rows": 100,
        "sink": {"uri": str(folder / name)},
        "resources": {"executor": "inline"},
        "evaluation": {"metrics": []},
        **replaced,
    }
    return mintage.run({key: value for key, value in spec.items() if value is not None})


@pytest.fixture
def family(tmp_path: Path) -> Path:
    """g1 from attested rows, g2 from g1 and those rows, more from the model of g2."""
    rng = np.random.default_rng(5)
    people = tmp_path / "people.csv"
    pl.DataFrame({"age": rng.integers(18, 90, 200), "sex": rng.choice(["F", "M"], 200)}).write_csv(people)
    mintage.attest(people, owner="Bank")
    make(tmp_path, "g1", source={"uri": str(people)})
    make(tmp_path, "g2", source={"uri": str(tmp_path / "g1"), "accumulate": [str(people)]})
    make(tmp_path, "more", generator=None, model={"uri": str(tmp_path / "g2")})
    return tmp_path


def shape(found: Ancestry) -> list[tuple[int, str, str]]:
    return [(depth, node.parent.name, node.state) for depth, node in found.steps()]


def test_the_walk_ends_in_real_sources(family: Path) -> None:
    found = mintage.lineage(str(family / "more"))
    assert shape(found) == [
        (0, "people", "verified"),
        (1, "people", "verified"),
        (2, "people", "verified"),
        (3, "people.csv", "verified"),
        (2, "people.csv", "verified"),
    ]
    assert found.is_complete
    assert found.problems == []
    kinds = [node.parent.kind for _, node in found.steps()]
    assert kinds == ["synthetic", "model", "synthetic", "real", "real"]
    assert "Bank" in [node.found.note for _, node in found.steps() if node.found][-1]


def test_folders_that_were_moved_together_are_found_beside_each_other(family: Path, tmp_path: Path) -> None:
    elsewhere = shutil.copytree(family, tmp_path.with_name("elsewhere"))
    for name in ("g1", "g2", "people.csv", "people.csv.attestation.jsonl"):
        path = family / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert mintage.lineage(str(elsewhere / "more")).is_complete
    assert not mintage.lineage(str(family / "more")).is_complete


def test_depth_cuts_the_walk(family: Path) -> None:
    found = mintage.lineage(str(family / "more"), depth=1)
    assert shape(found) == [(0, "people", "verified"), (1, "people", "cut")]
    assert not found.is_complete


def test_what_is_not_there_is_missing_and_no_more(family: Path) -> None:
    shutil.rmtree(family / "g1")
    states = shape(mintage.lineage(str(family / "g2")))
    assert states == [(0, "people", "verified"), (1, "people", "missing"), (1, "people.csv", "verified")]


def test_another_data_set_in_its_place_is_not_taken_for_it(family: Path) -> None:
    shutil.rmtree(family / "g1")
    make(family, "g1", source={"uri": str(family / "people.csv")}, seed=9)
    assert (1, "people", "missing") in shape(mintage.lineage(str(family / "g2")))


def test_what_nobody_trusted_has_signed_is_untrusted(family: Path) -> None:
    key = generate_key(family / "other")
    file = family / "people.csv.attestation.jsonl"
    make(family, "theirs", source={"uri": str(family / "g1")}, signing={"key": str(key.private_path)})
    with pytest.raises(ProvenanceError, match="unknown key"):
        mintage.lineage(str(family / "theirs"))
    found = mintage.lineage(str(family / "theirs"), keys=[key.public_path])
    assert shape(found) == [(0, "people", "verified"), (1, "people", "untrusted")]
    file.write_bytes(file.read_bytes().replace(b'"sig":"', b'"sig":"AAAA'))
    assert (1, "people.csv", "untrusted") in shape(mintage.lineage(str(family / "g1")))


def test_the_command_prints_a_tree_json_and_prov(family: Path) -> None:
    runner = CliRunner()
    tree = runner.invoke(main, ["lineage", str(family / "g2")]).output.splitlines()
    assert tree[0].startswith("people: synthetic, generation 2  verified  signed by ")
    assert tree[1].startswith("   people: synthetic, generation 1, 100 rows  verified")
    assert tree[2].startswith("      people.csv: real, generation 0, 200 rows  verified")
    told = json.loads(runner.invoke(main, ["lineage", str(family / "g2"), "--json"]).output)
    assert (told["complete"], told["problems"], len(told["nodes"])) == (True, [], 3)
    root = told["nodes"][told["root"]]
    assert [told["nodes"][key]["kind"] for key in root["parents"]] == ["synthetic", "real"]
    prov = json.loads(runner.invoke(main, ["lineage", str(family / "g2"), "--prov"]).output)
    assert len(prov["@graph"]) == 3
    assert {entity["@type"] for entity in prov["@graph"]} == {"prov:Entity"}
    assert len(prov["@graph"][0]["prov:wasDerivedFrom"]) == 2


def test_croissant_tells_what_a_data_set_was_derived_from(family: Path) -> None:
    made = mintage.Result.open(str(family / "g2"))
    document = json.loads(made.manifest.read_attachment("croissant.json"))
    assert document["prov:wasGeneratedBy"]["@type"] == "prov:Activity"
    entities = {entity["@id"] for entity in document["prov:wasDerivedFrom"]}
    graph = prov_document(mintage.lineage(str(family / "g2")))["@graph"]
    assert isinstance(graph, list)
    assert entities == {one["@id"] for one in graph[0]["prov:wasDerivedFrom"]}


def test_attest_tells_what_was_signed_and_refuses_a_second_time(family: Path) -> None:
    runner = CliRunner()
    source = str(family / "again.csv")
    shutil.copy(family / "people.csv", source)
    told = json.loads(runner.invoke(main, ["attest", source, "--owner", "Bank", "--json"]).output)
    assert told["rows"] == 200
    assert Path(told["attestation"]).exists()
    again = runner.invoke(main, ["attest", source])
    assert again.exit_code == 1
    assert "never overwritten" in again.output


def parent(name: str, **replaced: object) -> Parent:
    values = {
        "name": name, "kind": "synthetic", "digest": None, "statement": digest_of(name.encode()),
        "generation": 1, "realFraction": "0", "weight": "1",
    }  # fmt: skip
    return Parent.model_validate({**values, **replaced})


def test_a_statement_that_contradicts_the_one_below_is_told() -> None:
    lineage = derive([Ancestor(parent=parent("b", generation=3))])
    below = Found(statement=digest_of(b"a"), name="a", uri="", lineage=lineage, keyids=("k",))
    said = derive([Ancestor(parent=parent("c"))])

    def find(wanted: Parent, _: Found) -> Found | None:
        if wanted.name != "b":
            return None
        return Found(statement=digest_of(b"b"), name="b", uri="", lineage=said, keyids=("k",))

    found = walk(below, parent("a", generation=4), find)
    assert found.problems == ["b: it is told as generation 3, but says 2 of itself"]


def test_a_real_source_that_is_told_as_synthetic_is_a_contradiction() -> None:
    lineage = derive([Ancestor(parent=parent("b"))])
    below = Found(statement=digest_of(b"a"), name="a", uri="", lineage=lineage, keyids=("k",))
    real = Found(statement=digest_of(b"b"), name="b", uri="", lineage=None, keyids=("k",))
    found = walk(below, parent("a", generation=2), lambda _, __: real)
    assert found.problems == ["b: it was declared to be real, but is told as synthetic"]


def test_another_statement_than_the_one_looked_for_is_refused() -> None:
    lineage = derive([Ancestor(parent=parent("b"))])
    below = Found(statement=digest_of(b"a"), name="a", uri="", lineage=lineage, keyids=("k",))
    other = Found(statement=digest_of(b"z"), name="z", uri="", lineage=None, keyids=("k",))
    with pytest.raises(ProvenanceError, match="was found in place of"):
        walk(below, parent("a", generation=2), lambda _, __: other)


def test_prov_names_entities_by_their_statements() -> None:
    told = prov_of(derive([Ancestor(parent=parent("b"))]), run_id="7f", generator="rules")
    assert told["prov:wasDerivedFrom"] == [
        {
            "@type": "prov:Entity",
            "@id": f"urn:mintage:statement:{digest_of(b'b').removeprefix('sha256:')}",
            "prov:label": "b: synthetic, generation 1, 1 rows",
        }
    ]
