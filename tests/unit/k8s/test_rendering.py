"""Every way of installing the chart gives objects that Kubernetes and KubeRay take."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.unit.k8s.charts import (
    VARIANTS,
    Document,
    objects,
    of_kind,
    pods,
    ray_objects,
    rayjob,
    submitted,
    variant,
)
from tests.unit.k8s.kuberay_rules import complaints
from tests.unit.k8s.schemas import NEWEST, OLDEST, kuberay_errors, kuberay_folder, kubernetes_errors

OTHERS = {"ray.io/v1", "monitoring.coreos.com/v1"}  # not Kubernetes' own


def of_kubernetes(rendered: list[Document]) -> Iterator[Document]:
    """The objects that Kubernetes itself knows, and the pods that KubeRay would make."""
    yield from (each for each in rendered if each["apiVersion"] not in OTHERS)
    for ray_object in ray_objects(rendered):
        yield from (pod for _, pod in pods(ray_object))


everywhere = pytest.mark.parametrize("name", VARIANTS)


@everywhere
def test_kubernetes_takes_every_object(name: str) -> None:
    for document in of_kubernetes(variant(name)):
        assert kubernetes_errors(document, NEWEST) == [], document["metadata"]["name"]


def test_the_oldest_kubernetes_that_the_chart_allows_takes_every_object() -> None:
    for document in of_kubernetes(variant("everything")):
        assert kubernetes_errors(document, OLDEST) == [], document["metadata"]["name"]


@everywhere
@pytest.mark.skipif(
    kuberay_folder() is None, reason="MINTAGE_CRDS names no folder with KubeRay's definitions"
)
def test_kuberay_s_definitions_take_every_object(name: str) -> None:
    for ray_object in ray_objects(variant(name)):
        assert kuberay_errors(ray_object) == [], ray_object["kind"]


@everywhere
def test_kuberay_s_operator_takes_every_object(name: str) -> None:
    for ray_object in ray_objects(variant(name)):
        assert complaints(ray_object) == [], ray_object["kind"]


def test_a_long_name_of_a_release_becomes_names_that_the_operator_takes() -> None:
    rendered = objects(VARIANTS["everything"], name="a-release-with-a-very-long-name-of-fifty-characters")
    for ray_object in ray_objects(rendered):
        assert complaints(ray_object) == [], ray_object["kind"]


@everywhere
def test_objects_have_names_of_their_own_in_the_release_s_namespace(name: str) -> None:
    rendered = variant(name)
    names = Counter((each["kind"], each["metadata"]["name"]) for each in rendered)
    assert [name for name, count in names.items() if count > 1] == []
    assert {each["metadata"]["namespace"] for each in rendered} == {"synth"}
    assert {each["metadata"]["labels"]["mintage.dev/release"] for each in rendered} == {"demo"}


def test_a_client_finds_the_template_by_its_label() -> None:
    found = [
        each
        for each in of_kind(variant("as it is"), "ConfigMap")
        if each["metadata"]["labels"].get("mintage.dev/template") == "rayjob"
    ]
    assert [each["metadata"]["name"] for each in found] == ["demo-mintage-rayjob"]
    assert list(found[0]["data"]) == ["rayjob.yaml"]


def test_the_template_leaves_to_the_client_what_a_submission_decides() -> None:
    template = rayjob(variant("as it is"))
    assert template["apiVersion"] == "ray.io/v1"
    assert template["kind"] == "RayJob"
    assert template["metadata"].keys() == {"labels"}
    assert (
        not {"entrypoint", "jobId", "runtimeEnvYAML", "metadata", "clusterSelector"} & template["spec"].keys()
    )


def test_the_template_is_small_enough_for_a_config_map_and_a_client() -> None:
    assert len(json.dumps(submitted(rayjob(variant("everything"))))) < 64 * 1024


def test_a_release_that_is_called_mintage_is_not_called_so_twice() -> None:
    names = {each["metadata"]["name"] for each in objects({}, name="mintage")}
    assert "mintage-rayjob" in names
    assert not [name for name in names if "mintage-mintage" in name]
