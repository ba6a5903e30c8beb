"""croissant.json says what was signed, and makes nothing up."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from mintage.jobs.interchange.croissant import render_croissant
from mintage.jobs.interchange.described import MAX_LISTED, Described
from mintage.provenance.digests import digest_of
from tests.unit.jobs.interchange.conftest import SHEET, SOURCE, MakeDescribed


def read(version: Described) -> dict[str, Any]:
    value = json.loads(render_croissant(version))
    assert isinstance(value, dict)
    return value


def test_the_datasheet_is_told_in_the_words_of_schema_org(make_described: MakeDescribed) -> None:
    found = read(make_described(datasheet=SHEET))
    assert found["name"] == "Orders of a shop"
    assert found["description"] == "Orders, made up."
    assert found["license"] == "https://spdx.org/licenses/CC-BY-4.0.html"
    assert found["creator"] == [
        {"@type": "sc:Person", "name": "Ann", "url": "https://example.org/ann"},
        {"@type": "sc:Organization", "name": "Shop"},
    ]
    assert found["publisher"] == {"@type": "sc:Organization", "name": "Shop"}
    assert (found["citeAs"], found["datePublished"]) == ("@misc{orders}", "2026-02-03")
    assert (found["dateCreated"], found["version"]) == ("2026-01-01", "2.0.0")
    assert found["conformsTo"][0] == "http://mlcommons.org/croissant/1.1"
    assert found["rai:dataUseCases"] == ["Teaching"]
    assert found["rai:dataReleaseMaintenancePlan"] == "None is planned"
    assert found["rai:dataLimitations"][0] == "No refunds"
    assert found["rai:dataBiases"][0] == "More cities than villages"


def test_what_was_not_said_is_left_out(make_described: MakeDescribed) -> None:
    found = read(make_described())
    assert {"license", "url", "creator", "publisher", "citeAs", "rai:dataUseCases"} & found.keys() == set()
    assert (found["name"], found["datePublished"]) == ("shop", "2026-01-01")


def test_rows_are_said_to_be_synthetic_and_of_which_method(make_described: MakeDescribed) -> None:
    found = read(make_described())
    assert "60 rows of 'orders' and 1,234 rows of 'lines'" in found["description"]
    assert "tabular.auto" in found["rai:dataCollection"]
    assert SOURCE in found["rai:dataCollection"]
    assert found["rai:dataCollectionType"][0] == "Synthetic data"
    assert "4 rows of 1,298 drawn" in found["rai:dataPreprocessingProtocol"][0]
    assert "learned from no data" in read(make_described({"source": None}))["rai:dataCollection"]


def test_privacy_is_what_the_statement_claims(make_described: MakeDescribed) -> None:
    assert (
        read(make_described())["rai:personalSensitiveInformation"][0] == "No differential privacy is claimed."
    )
    ledger = {
        "epsilon": 1.0,
        "delta": 1e-6,
        "unit": "row",
        "mechanisms": [{"name": "m"}],
        "not_covered": ["the names"],
    }
    model = {"digest": digest_of(b"m"), "kind": "k", "fit": {"privacy": ledger}}
    told = read(make_described({"model": model}, report=None))["rai:personalSensitiveInformation"]
    assert told == [
        "Claimed: (1, 1e-06)-differential privacy of each row.",
        "Not covered by this: the names.",
        "Attacks on privacy were not tried.",
    ]


def test_files_have_their_digests(make_described: MakeDescribed) -> None:
    version = make_described()
    files = {one["@id"]: one for one in read(version)["distribution"] if one["@type"] == "cr:FileObject"}
    assert files.keys() == {
        "_mintage/versions/2/manifest-sha256.txt",
        "_mintage/versions/2/report.json",
        "_mintage/plan.json",
    }
    assert files["_mintage/versions/2/manifest-sha256.txt"]["sha256"] == version.listing.file.sha256
    assert files["_mintage/plan.json"]["sha256"] == version.plan_digest.removeprefix("sha256:")


def test_parts_are_named_one_by_one_until_they_are_many(make_described: MakeDescribed) -> None:
    version = make_described()
    few = read(version)["distribution"][3]
    assert few["includes"] == ["data/orders/part-000000-a1.parquet"]
    assert "excludes" not in few
    assert few["encodingFormat"] == "application/x-parquet"
    many = replace(version, listing=replace(version.listing, counts={"orders": MAX_LISTED + 1, "lines": 1}))
    pattern = read(many)["distribution"][3]
    assert pattern["includes"] == "data/orders/part-*"
    assert pattern["excludes"] == ["data/orders/part-000000-b2.parquet"]
    assert "1001 parts" in pattern["description"]


def test_columns_become_fields_with_their_types(make_described: MakeDescribed) -> None:
    [orders, lines] = read(make_described())["recordSet"]
    types = {field["name"]: (field["dataType"], field.get("arrayShape")) for field in orders["field"]}
    hostile = types.popitem()
    assert hostile[1] == ("cr:Float64", None)
    assert types == {
        "id": ("cr:Int64", None),
        "city, [x]": ("sc:Text", None),
        "paid": ("sc:Float", None),
        "vector": ("cr:Float32", "3"),
        "tags": ("sc:Text", "-1,-1"),
        "day": ("sc:Date", None),
        "at": ("sc:DateTime", None),
        "hour": ("sc:Time", None),
        "ok": ("sc:Boolean", None),
        "small": ("cr:UInt8", None),
        "raw": ("sc:Text", None),
    }
    assert orders["key"] == [{"@id": "orders/id"}]
    assert lines["field"][0]["references"] == {"field": {"@id": "orders/id"}}
    assert orders["field"][1]["@id"] == "orders/city%2C%20%5Bx%5D"
    assert orders["field"][1]["source"]["extract"] == {"column": "city, [x]"}


def test_ids_are_unique_and_hold_no_spaces(make_described: MakeDescribed) -> None:
    found = read(make_described())
    ids = [one["@id"] for one in found["distribution"]]
    ids += [record["@id"] for record in found["recordSet"]]
    ids += [field["@id"] for record in found["recordSet"] for field in record["field"]]
    assert len(set(ids)) == len(ids)
    assert [one for one in ids if not one.isascii() or " " in one or "<" in one] == []


def test_shards_of_earlier_versions_are_told(make_described: MakeDescribed) -> None:
    version = make_described()
    assert "earlier versions" not in read(version)["rai:dataCollection"]
    longer = replace(version, folded=replace(version.folded, size=3))
    assert "The first 2 shards are those of earlier versions" in read(longer)["rai:dataCollection"]


@pytest.mark.parametrize(
    ("connector", "expected"), [("csv", "text/csv"), ("third.party", "application/octet-stream")]
)
def test_parts_have_the_media_type_of_their_connector(
    make_described: MakeDescribed, connector: str, expected: str
) -> None:
    assert read(make_described(connector=connector))["distribution"][3]["encodingFormat"] == expected
