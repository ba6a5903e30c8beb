"""What the API answers: models, rows, conditions, forms."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.compute as pc
import pytest

from mintage.contracts import mark_of
from mintage.serving.models import ServedModel
from mintage.serving.wire import ARROW
from mintage.spec import ServedModelSpec, ServingSpec
from tests.unit.serving.sites import DataSet, Site, running


def test_models_are_listed_with_what_was_signed(site: Site, served: ServedModel) -> None:
    [model] = site.get("/v1/models").json["models"]
    assert model == site.get("/v1/models/people").json
    assert model["name"] == "people"
    assert [column["name"] for column in model["tables"][0]["columns"]] == ["age", "income", "sex"]
    assert model["rules"] == ["range:age"]
    assert model["conditions"] == {"values": True, "ranges": True}
    assert model["provenance"]["statement"] == served.pin.statement
    assert model["provenance"]["privacy"] == {"claim": "none"}
    assert model["digest"] == served.plan.model.digest


def test_where_a_data_set_lies_is_not_told(site: Site, people: DataSet) -> None:
    assert people.uri not in site.get("/v1/models").body.decode()


def test_unknown_model_is_not_found_and_the_nearest_is_named(site: Site) -> None:
    for reply in (site.get("/v1/models/peopel"), site.sample("peopel", rows=1)):
        assert (reply.status, reply.json["hint"]) == (404, "did you mean 'people'?")


@pytest.mark.parametrize("path", ["/", "/v2/models", "/docs"])
def test_unknown_paths_are_told_as_json(site: Site, path: str) -> None:
    reply = site.get(path)
    assert (reply.status, set(reply.json)) == (404, {"type", "message", "hint"})


def test_wrong_method_is_told_as_json(site: Site) -> None:
    reply = site.ask("DELETE", "/v1/models/people")
    assert (reply.status, reply.json["type"]) == (405, "HTTPError")


def test_same_seed_gives_the_same_rows_in_both_forms(site: Site) -> None:
    lines = site.sample(rows=50, seed=9).lines
    assert lines == site.sample(rows=50, seed=9).lines == site.arrow(rows=50, seed=9).to_pylist()
    assert lines != site.sample(rows=50, seed=10).lines


def test_rows_of_several_batches_follow_from_the_seed(site: Site) -> None:
    rows = site.arrow(rows=9001, seed=1)
    assert rows.num_rows == 9001
    assert rows.equals(site.arrow(rows=9001, seed=1))


def test_answer_without_a_seed_names_one_that_repeats_it(site: Site) -> None:
    first = site.sample(rows=20)
    assert first.headers["mintage-rows"] == "20"
    assert site.sample(rows=20, seed=int(first.headers["mintage-seed"])).lines == first.lines
    assert site.sample(rows=20).lines != first.lines


@pytest.mark.parametrize("seed", [0, 2**64 - 1])
def test_every_seed_is_taken(site: Site, seed: int) -> None:
    assert site.sample(rows=1, seed=seed).headers["mintage-seed"] == str(seed)


def test_served_rows_are_not_those_of_the_data_set(site: Site, people: DataSet) -> None:
    [part] = Path(people.uri).glob("data/people/*.parquet")
    minted = pl.read_parquet(part)
    assert minted.height == 100
    assert site.sample(rows=100, seed=0).lines != minted.to_dicts()


def test_stream_says_that_its_rows_are_synthetic(site: Site, served: ServedModel) -> None:
    mark = mark_of(site.arrow(rows=1, seed=4).schema)
    assert mark["synthetic"] == "true"
    assert mark["run_id"] == served.plan.run_id
    assert (mark["model"], mark["seed"]) == (served.plan.model.digest, "4")


def test_only_rows_that_the_rules_accept_go_out_unless_that_is_waived(site: Site) -> None:
    assert pc.min(site.arrow(rows=2000, seed=3)["age"]).as_py() >= 25
    assert pc.min(site.arrow(rows=2000, seed=3, validate=False)["age"]).as_py() < 25


def test_conditions_hold_on_every_row(site: Site) -> None:
    lines = site.sample(rows=200, seed=1, where={"sex": "F", "age": {"min": 30, "below": 40}}).lines
    assert len(lines) == 200
    assert {line["sex"] for line in lines} == {"F"}
    assert all(30 <= line["age"] < 40 for line in lines)


def test_conditions_and_balance_are_those_of_a_job(site: Site) -> None:
    lines = site.sample(
        rows=100,
        seed=1,
        conditions=[{"values": {"age": {"any_of": [30, 31]}}, "rows": 20}],
        balance={"column": "sex", "shares": {"F": 0.25, "M": 0.75}},
    ).lines
    assert sum(line["age"] in (30, 31) for line in lines[:20]) == 20
    assert sum(line["sex"] == "F" for line in lines[20:]) == 20


def test_columns_come_in_the_order_asked_for(site: Site) -> None:
    assert site.arrow(rows=3, columns=["sex", "age"]).column_names == ["sex", "age"]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"rows": 0}, "rows: must be at least 1"),
        ({"rows": 20_001}, "20000 rows at most"),
        ({}, "rows: is missing"),
        ({"rows": 1, "sed": 3}, "sed: is not a known key"),
        ({"rows": 1, "seed": -1}, "seed: must be at least 0"),
        ({"rows": True}, "rows: must be a whole number"),
        ({"rows": 1, "columns": ["agee"]}, "no column 'agee'"),
        ({"rows": 1, "columns": ["age", "age"]}, "named twice"),
        ({"rows": 1, "table": "orders"}, "no table 'orders'"),
        ({"rows": 1, "where": {"agee": 3}}, "no column 'agee'"),
        ({"rows": 1, "where": {"sex": "X"}}, "'X'"),
        ({"rows": 1, "where": {"sex": "F"}, "conditions": [{"values": {"age": 30}, "rows": 1}]}, "where"),
        ({"rows": 1, "conditions": [{"values": {"age": 30}, "rows": 2}]}, "2 rows"),
        ({"rows": 10, "where": {"age": {"max": 20}}}, "rejected by range:age"),
    ],
)
def test_bad_requests_are_told_what_is_wrong(site: Site, asked: dict[str, Any], words: str) -> None:
    reply = site.sample(**asked)
    assert (reply.status, reply.headers["content-type"]) == (422, "application/json")
    assert words in reply.json["message"]
    assert set(reply.json) == {"type", "message", "hint"}


@pytest.mark.parametrize(
    "body", [b"", b"rows=1", b"\xff\xfe", b'{"rows": 1, "rows": 2}', b"[" * 2000, b'{"rows": NaN}']
)
def test_what_is_no_json_is_refused(site: Site, body: bytes) -> None:
    reply = site.ask("POST", "/v1/models/people/sample", body)
    assert (reply.status, reply.json["type"]) == (400, "SpecError")


@pytest.mark.parametrize("body", [b"3", b"[]", b"null"])
def test_json_that_is_no_request_is_refused(site: Site, body: bytes) -> None:
    assert site.ask("POST", "/v1/models/people/sample", body).status == 422


def test_form_that_cannot_be_sent_is_refused(site: Site) -> None:
    reply = site.sample(accept="text/csv", rows=1)
    assert (reply.status, ARROW in reply.json["hint"]) == (406, True)


def test_openapi_describes_the_request_and_its_references_resolve(site: Site) -> None:
    schema = site.get("/openapi.json").json
    operation = schema["paths"]["/v1/models/{name}/sample"]["post"]
    assert operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].endswith("/SampleAsk")
    assert {"200", "401", "404", "413", "422", "429", "503"} <= set(operation["responses"])
    known = schema["components"]["schemas"]
    assert set(known["SampleAsk"]["properties"]) >= {"rows", "seed", "where", "validate", "columns"}
    assert [ref for ref in references(schema) if ref.removeprefix("#/components/schemas/") not in known] == []


def references(value: object) -> Iterator[str]:
    """All `$ref` in a JSON value."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key == "$ref":
                yield item
            else:
                yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def test_only_opened_columns_are_told_asked_and_sent(people: DataSet, served: ServedModel) -> None:
    spec = ServedModelSpec.model_validate(people.spec(columns=["age", "sex"], rows=5))
    opened = {"people": replace(served, spec=spec)}
    with running(ServingSpec.model_validate({"models": {"people": people.spec()}}), opened) as site:
        [table] = site.get("/v1/models/people").json["tables"]
        assert [column["name"] for column in table["columns"]] == ["age", "sex"]
        assert set(site.sample(rows=1).lines[0]) == {"age", "sex"}
        assert site.sample(rows=1, columns=["income"]).status == 422
        assert site.sample(rows=1, where={"income": 3.0}).status == 422
        assert site.sample(rows=6).status == 422
