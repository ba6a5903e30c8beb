"""Generations made one after the other: what their statements say, and what the limits refuse."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest

import mintage
from mintage.engine.events import Event, Warned
from mintage.errors import SourceError, SpecError
from mintage.jobs.sources import open_reader
from mintage.provenance.lineage import Lineage
from mintage.provenance.signing import generate_key

Made = Callable[..., mintage.Result]

REAL_ROWS = 300


@pytest.fixture(scope="module")
def warnings() -> list[str]:
    """What was warned of, in the order in which it was."""
    return []


@pytest.fixture
def real(tmp_path: Path) -> Path:
    """A real table, not yet attested."""
    rng = np.random.default_rng(5)
    file = tmp_path / "people.parquet"
    rows = pl.DataFrame(
        {"age": rng.integers(18, 90, REAL_ROWS), "sex": rng.choice(["F", "M"], REAL_ROWS, p=[0.3, 0.7])}
    )
    pq.write_table(rows.to_arrow(compat_level=pl.CompatLevel.oldest()), file)
    return file


@pytest.fixture
def make(tmp_path: Path, warnings: list[str]) -> Made:
    """Runs a job into a folder of that name."""

    def hear(event: Event) -> None:
        if isinstance(event, Warned):
            warnings.append(event.message)

    def made(folder: str, **replaced: object) -> mintage.Result:
        warnings.clear()
        spec: dict[str, Any] = {
            "name": "people",
            "generator": {"kind": "tabular.marginals"},
            "rows": 200,
            "sink": {"uri": str(tmp_path / folder), "shard_rows": 100},
            "resources": {"executor": "inline"},
            "evaluation": {"metrics": []},
            **replaced,
        }
        return mintage.run({key: value for key, value in spec.items() if value is not None}, on_event=hear)

    return made


def lineage_of(made: mintage.Result) -> Lineage:
    assert made.manifest.statement.predicate.lineage is not None
    return made.manifest.statement.predicate.lineage


def uri(made: mintage.Result) -> str:
    return made.store.uri


def test_three_generations_are_counted_and_the_guard_refuses_the_third(
    real: Path, make: Made, tmp_path: Path
) -> None:
    source = mintage.attest(real)
    first = make("g1", source={"uri": str(real)})
    assert lineage_of(first).to_json() == {
        "generation": "1",
        "realFraction": "1",
        "mode": None,
        "roots": [source.source.digest],
        "parents": [
            {
                "name": "people.parquet",
                "kind": "real",
                "digest": source.source.digest,
                "statement": source.statement,
                "generation": "0",
                "realFraction": "1",
                "weight": "300",
            }
        ],
    }

    second = make("g2", source={"uri": uri(first)}, rows=150)
    [parent] = lineage_of(second).parents
    assert (lineage_of(second).generation, lineage_of(second).mode) == (2, "replace")
    assert lineage_of(second).to_json()["realFraction"] == "0"
    assert lineage_of(second).roots == (source.source.digest,)
    assert (parent.kind, parent.statement) == ("synthetic", first.manifest.head.statement)
    assert (parent.digest, parent.weight) == (first.manifest.head.root, 200)

    # Learned from 150 rows of the second and, kept in, the 300 real ones.
    both: dict[str, Any] = {"uri": uri(second), "accumulate": [str(real)]}
    with pytest.raises(
        SpecError, match=r"lineage.max_generation: the generation is 3, and must be 2"
    ) as told:
        make("g3", source=both, lineage={"max_generation": 2})
    assert "lineage.waive" in told.value.hint
    assert not (tmp_path / "g3" / "_mintage").exists()

    third = make("g3", source=both, lineage={"max_generation": 2, "waive": "to see the drift"})
    made = lineage_of(third)
    assert (made.generation, made.mode, made.roots) == (3, "accumulate", (source.source.digest,))
    assert made.to_json()["realFraction"] == "0.666666666666"  # 300 of 450 rows
    assert [(one.kind, one.weight) for one in made.parents] == [("synthetic", 150), ("real", 300)]
    assert made.waiver is not None
    assert made.waiver.reason == "to see the drift"
    assert made.waiver.problems == ("max_generation: the generation is 3, and must be 2 or less",)
    report = mintage.verify(uri(third))
    assert report.ok
    assert any("to see the drift" in note for note in report.notes)


def test_too_few_real_rows_are_refused_and_enough_are_not(real: Path, make: Made) -> None:
    mintage.attest(real)
    first = make("g1", source={"uri": str(real)})
    limits = {"min_real_fraction": 0.6, "mode": "accumulate", "require_attested": True}
    with pytest.raises(SpecError, match=r"the real fraction is 0, and must be 0\.6") as refused:
        make("g2", source={"uri": uri(first)}, lineage=limits)
    assert "mode: the mode is replace" in refused.value.message
    assert "source.accumulate" in refused.value.hint
    mixed = make("g2", source={"uri": str(real), "accumulate": [uri(first)]}, lineage=limits)
    assert lineage_of(mixed).to_json()["realFraction"] == "0.6"


def test_a_source_that_nobody_attested_is_unknown(real: Path, make: Made) -> None:
    made = lineage_of(make("out", source={"uri": str(real)}))
    assert (made.generation, made.at_least, made.real_fraction) == (None, 1, None)
    assert [parent.kind for parent in made.parents] == ["unknown"]


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        ({"require_attested": True}, "no trusted statement says what 'people.parquet' is"),
        ({"max_generation": 5}, "the generation is unknown"),
        ({"min_real_fraction": 0.3}, "the real fraction is unknown"),
        ({"mode": "accumulate"}, "the mode is unknown"),
    ],
)
def test_what_is_unknown_is_refused_before_anything_is_fitted(
    real: Path, make: Made, tmp_path: Path, limits: dict[str, Any], told: str
) -> None:
    with pytest.raises(SpecError, match=told) as refused:
        make("out", source={"uri": str(real)}, lineage=limits)
    assert "mintage attest" in refused.value.hint
    assert list((tmp_path / "out").rglob("*")) == []


def test_a_forbidden_root_is_refused_however_many_generations_lie_between(real: Path, make: Made) -> None:
    forbidden = mintage.attest(real).source.digest
    first = make("g1", source={"uri": str(real)})
    for source in (str(real), uri(first)):
        with pytest.raises(SpecError, match=f"the rows come from {forbidden}, which is forbidden"):
            make("g2", source={"uri": source}, lineage={"forbid_roots": [forbidden]})


def test_an_attestation_by_another_key_is_believed_when_that_key_is_trusted(
    real: Path, make: Made, tmp_path: Path, warnings: list[str]
) -> None:
    key = generate_key(tmp_path / "owner")
    mintage.attest(real, key=key.private_path)
    unknown = lineage_of(make("a", source={"uri": str(real)}))
    assert unknown.generation is None
    assert any("is not believed" in warning and "lineage.trust" in warning for warning in warnings)
    known = lineage_of(make("b", source={"uri": str(real)}, lineage={"trust": [str(key.public_path)]}))
    assert known.generation == 1
    assert warnings == []


def test_an_attestation_elsewhere_is_found_by_its_name(real: Path, make: Made, tmp_path: Path) -> None:
    mintage.attest(real, out=tmp_path / "said.jsonl")
    assert lineage_of(make("a", source={"uri": str(real)})).generation is None
    made = make("b", source={"uri": str(real), "attestation": str(tmp_path / "said.jsonl")})
    assert lineage_of(made).generation == 1
    # What is said of a source is no part of what identifies the run.
    first, second = make("a", source={"uri": str(real)}).summary, made.summary
    assert first["run_id"] == second["run_id"]


def test_an_attestation_of_an_altered_source_makes_it_unknown(
    real: Path, make: Made, warnings: list[str]
) -> None:
    mintage.attest(real)
    pq.write_table(pq.read_table(real).slice(1), real)
    assert lineage_of(make("out", source={"uri": str(real)})).generation is None
    assert any("other bytes" in warning for warning in warnings)


def test_a_copied_part_is_known_as_synthetic_by_its_mark(
    real: Path, make: Made, tmp_path: Path, warnings: list[str]
) -> None:
    mintage.attest(real)
    first = make("g1", source={"uri": str(real)})
    second = make("g2", source={"uri": uri(first)})
    part = next(Path(uri(second)).glob("data/people/*.parquet"))
    copy = shutil.copy(part, tmp_path / "innocent.parquet")
    made = lineage_of(make("g3", source={"uri": str(copy)}))
    assert (made.generation, made.at_least, made.mode) == (None, 3, "replace")
    assert any("says of itself that it is synthetic" in warning for warning in warnings)
    with pytest.raises(SourceError, match="says of itself that it is synthetic, of generation 2"):
        mintage.attest(copy)
    with pytest.raises(SourceError, match="a data set that Mintage made"):
        mintage.attest(uri(second))


@pytest.mark.parametrize("format_", ["parquet", "ipc"])
def test_the_mark_changes_no_digest_of_rows_and_names_the_run(
    real: Path, make: Made, format_: str, tmp_path: Path
) -> None:
    sink = {"uri": str(tmp_path / "out"), "shard_rows": 100, "format": format_}
    made = make("out", source={"uri": str(real)}, sink=sink)
    part = made.uris()[0]
    shutil.copy(part, tmp_path / f"copy{Path(part).suffix}")
    [mark] = open_reader(str(tmp_path / f"copy{Path(part).suffix}")).marks()
    predicate = made.manifest.statement.predicate
    assert mark == {
        "synthetic": "true",
        "generation": "unknown",
        "generation_at_least": "1",
        "run_id": predicate.run_id,
    }
    assert mintage.verify(uri(made), rows=True).ok


def test_one_committed_part_is_a_source_with_the_lineage_of_its_data_set(real: Path, make: Made) -> None:
    mintage.attest(real)
    first = make("g1", source={"uri": str(real)})
    made = lineage_of(make("g2", source={"uri": first.uris()[0]}))
    assert (made.generation, made.parents[0].weight) == (2, 100)
    assert made.parents[0].statement == first.manifest.head.statement


def test_an_uncommitted_part_is_no_source(real: Path, make: Made) -> None:
    first = make("g1", source={"uri": str(real)})
    stray = Path(first.uris()[0]).with_name("part-000000-stray.parquet")
    shutil.copy(first.uris()[0], stray)
    for place in (str(stray), f"{uri(first)}/data/people/*.parquet"):
        with pytest.raises(SourceError, match="is no committed part"):
            make("g2", source={"uri": place})
    assert lineage_of(make("g2", source={"uri": f"{uri(first)}/data/people"})).parents[0].weight == 200


def test_a_data_set_whose_parts_were_altered_is_no_source(real: Path, make: Made) -> None:
    first = make("g1", source={"uri": str(real)})
    part = Path(first.uris()[1])
    part.write_bytes(part.read_bytes()[:-9] + b"x" + part.read_bytes()[-8:])
    with pytest.raises(SourceError, match="is not what was signed"):
        make("g2", source={"uri": uri(first)})


def test_a_data_set_by_an_unknown_key_is_synthetic_of_unknown_lineage(
    real: Path, make: Made, tmp_path: Path, warnings: list[str]
) -> None:
    mintage.attest(real)
    key = generate_key(tmp_path / "other")
    first = make("g1", source={"uri": str(real)}, signing={"key": str(key.private_path)})
    made = lineage_of(make("g2", source={"uri": uri(first)}))
    assert (made.generation, made.at_least, made.parents[0].kind) == (None, 2, "synthetic")
    assert any("is not believed" in warning for warning in warnings)


def test_a_model_hands_on_the_lineage_of_its_data_set(real: Path, make: Made) -> None:
    source = mintage.attest(real)
    first = make("g1", source={"uri": str(real)})
    second = make("g2", source={"uri": uri(first)})
    more = lineage_of(make("more", generator=None, model={"uri": uri(second)}))
    assert (more.generation, more.mode, more.roots) == (2, "replace", (source.source.digest,))
    [parent] = more.parents
    assert (parent.kind, parent.statement) == ("model", second.manifest.head.statement)


def test_a_model_of_a_data_set_by_an_unknown_key_is_unknown(
    real: Path, make: Made, tmp_path: Path, warnings: list[str]
) -> None:
    mintage.attest(real)
    key = generate_key(tmp_path / "other")
    first = make("g1", source={"uri": str(real)}, signing={"key": str(key.private_path)})
    more = lineage_of(make("more", generator=None, model={"uri": uri(first)}))
    assert (more.generation, more.at_least) == (None, 1)
    assert any("the lineage of the model" in warning for warning in warnings)


def test_the_lineage_of_a_plan_stands_when_the_job_goes_on(real: Path, make: Made) -> None:
    source = mintage.attest(real)
    first = make("g1", source={"uri": str(real)})
    Path(source.uri).unlink()
    again = make("g1", source={"uri": str(real)})
    assert lineage_of(again) == lineage_of(first)
    assert lineage_of(again).generation == 1
    with pytest.raises(SpecError, match="the rows come from"):
        make("g1", source={"uri": str(real)}, lineage={"forbid_roots": [source.source.digest]})


def test_tables_of_other_columns_are_not_accumulated(real: Path, make: Made, tmp_path: Path) -> None:
    other = pl.DataFrame({"age": [1.5], "town": ["Ulm"]})
    other.write_csv(tmp_path / "other.csv")
    with pytest.raises(SpecError, match=r"source.accumulate\[0\]: its columns") as refused:
        make("out", source={"uri": str(real), "accumulate": [str(tmp_path / "other.csv")]})
    assert "it lacks sex (string)" in refused.value.message
    assert "it adds town (string)" in refused.value.message
    assert "age is double, not int64" in refused.value.message


def test_copies_of_accumulated_rows_are_rejected_too(real: Path, make: Made, tmp_path: Path) -> None:
    pl.DataFrame({"age": [40] * 60, "sex": ["X"] * 60}).write_csv(tmp_path / "more.csv")
    source = {"uri": str(real), "accumulate": [{"uri": str(tmp_path / "more.csv")}]}
    copies = [{"kind": "exact_copy", "action": "tag"}]
    conditions = [{"values": {"age": 40, "sex": "X"}, "rows": 20}]
    made = make("out", source=source, validate=copies, conditions=conditions)
    tagged = made.scan().filter(pl.col("age") == 40, pl.col("sex") == "X").collect()
    assert len(tagged) >= 20
    assert set(tagged["_tags"]) == {"exact_copy"}


def test_a_holdout_is_taken_of_all_accumulated_rows(real: Path, make: Made, tmp_path: Path) -> None:
    shutil.copy(real, tmp_path / "again.parquet")
    source = {"uri": str(real), "accumulate": [str(tmp_path / "again.parquet")]}
    made = make("out", source=source, evaluation={"metrics": ["privacy"], "holdout": {"share": 0.3}})
    report = made.report()
    assert report is not None
    assert made.manifest.statement.predicate.lineage is not None


def test_what_is_accumulated_is_part_of_the_run_and_where_it_lies_is_not(
    real: Path, make: Made, tmp_path: Path
) -> None:
    shutil.copy(real, tmp_path / "again.parquet")
    shutil.copy(real, tmp_path / "elsewhere.parquet")
    alone = make("a", source={"uri": str(real)}).summary["run_id"]
    twice = make("b", source={"uri": str(real), "accumulate": [str(tmp_path / "again.parquet")]})
    moved = make("c", source={"uri": str(real), "accumulate": [str(tmp_path / "elsewhere.parquet")]})
    assert twice.summary["run_id"] == moved.summary["run_id"]
    assert twice.summary["run_id"] != alone


def test_a_sink_inside_of_what_is_accumulated_is_refused(real: Path, make: Made) -> None:
    first = make("g1", source={"uri": str(real)})
    with pytest.raises(SpecError, match="lie in one another"):
        make("g1/deeper", source={"uri": str(real), "accumulate": [uri(first)]})


def swap_rows(into: mintage.Result, other: mintage.Result) -> None:
    """Put the rows of another data set, with their records, in the place of one's own."""
    for folder in ("data", "_mintage/versions/1/records"):
        shutil.rmtree(f"{uri(into)}/{folder}")
        shutil.copytree(f"{uri(other)}/{folder}", f"{uri(into)}/{folder}")
    listing = "_mintage/versions/1/manifest-sha256.txt"
    Path(f"{uri(into)}/{listing}").write_bytes(Path(f"{uri(other)}/{listing}").read_bytes())


def test_rows_and_records_of_another_data_set_are_no_source(real: Path, make: Made) -> None:
    mintage.attest(real)
    first = make("g1", source={"uri": str(real)})
    swap_rows(first, make("other", source={"uri": str(real)}, seed=9))
    with pytest.raises(SourceError, match=r"the records of .* have the root"):
        make("g2", source={"uri": uri(first)})


def test_a_head_that_names_other_rows_than_its_statement_is_not_believed(
    real: Path, make: Made, warnings: list[str]
) -> None:
    mintage.attest(real)
    first = make("g1", source={"uri": str(real)})
    other = make("other", source={"uri": str(real)}, seed=9)
    swap_rows(first, other)
    head = first.manifest.head.model_copy(update={"root": other.manifest.head.root})
    Path(f"{uri(first)}/_mintage/heads/1.json").write_bytes(head.to_bytes())
    made = lineage_of(make("g2", source={"uri": uri(first)}))
    assert (made.generation, made.at_least, made.parents[0].statement) == (None, 2, None)
    assert any("head does not agree" in warning for warning in warnings)


def test_a_model_that_was_put_in_the_place_of_another_is_none(real: Path, make: Made, tmp_path: Path) -> None:
    mintage.attest(real)
    first = make("g1", source={"uri": str(real)})
    pl.DataFrame({"age": [30, 40] * 50, "sex": ["F", "M"] * 50}).write_csv(tmp_path / "few.csv")
    other = make("other", source={"uri": str(tmp_path / "few.csv")})
    shutil.rmtree(f"{uri(first)}/_mintage/model")
    shutil.copytree(f"{uri(other)}/_mintage/model", f"{uri(first)}/_mintage/model")
    with pytest.raises(SpecError, match="holds no model"):
        make("more", generator=None, model={"uri": uri(first)})
