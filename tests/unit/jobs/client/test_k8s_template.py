"""The template of a RayJob, and what a submission adds to it."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from mintage.errors import SpecError
from mintage.jobs.client.backend import Submission
from mintage.jobs.client.k8s_template import MAX_TEMPLATE_BYTES, fill_template, read_metadata, read_template
from mintage.spec import read_spec

GOOD: dict[str, Any] = {
    "apiVersion": "ray.io/v1",
    "kind": "RayJob",
    "metadata": {"labels": {"team": "data"}, "annotations": {"note": "kept"}},
    "spec": {
        "submissionMode": "HTTPMode",
        "backoffLimit": 2,
        "runtimeEnvYAML": "env_vars:\n  HTTPS_PROXY: http://proxy:3128\n  MINTAGE_SPEC: theirs\n",
        "rayClusterSpec": {"headGroupSpec": {"template": {}}},
    },
}


def _submission(id: str = "people-0123456789ab-1") -> Submission:
    spec = read_spec(
        {"name": "people", "generator": {"kind": "rules.any"}, "rows": 1, "sink": {"uri": "s3://b/d"}}
    )
    return Submission(
        id=id,
        spec=spec,
        entrypoint="python -m mintage.jobs.client.entrypoint",
        environment={"MINTAGE_SPEC": "ours: {#'"},
        metadata={"mintage.job": "people-0123456789ab", "mintage.attempt": "1"},
    )


def _changed(**spec: object) -> str:
    return yaml.safe_dump({**GOOD, "spec": {**GOOD["spec"], **spec}})


def test_a_submission_becomes_a_rayjob_and_the_rest_stays_the_platform_teams() -> None:
    template = read_template(yaml.safe_dump(GOOD), "it")

    rayjob = fill_template(template, _submission())

    assert rayjob["metadata"]["name"] == rayjob["spec"]["jobId"] == "people-0123456789ab-1"
    assert rayjob["metadata"]["labels"] == {
        "team": "data",
        "mintage.dev/job": "people-0123456789ab",
        "mintage.dev/attempt": "1",
    }
    assert rayjob["metadata"]["annotations"]["note"] == "kept"
    assert rayjob["spec"]["entrypoint"] == "python -m mintage.jobs.client.entrypoint"
    assert rayjob["spec"]["rayClusterSpec"] == GOOD["spec"]["rayClusterSpec"]
    assert rayjob["spec"]["backoffLimit"] == 2
    assert template == GOOD, "the template itself is not touched"


def test_the_environment_is_added_to_the_templates_and_wins() -> None:
    rayjob = fill_template(GOOD, _submission())

    environment = yaml.safe_load(rayjob["spec"]["runtimeEnvYAML"])

    assert environment["env_vars"] == {"HTTPS_PROXY": "http://proxy:3128", "MINTAGE_SPEC": "ours: {#'"}


def test_metadata_come_back_as_they_were_given() -> None:
    submission = _submission()

    assert read_metadata(fill_template(GOOD, submission)) == submission.metadata


@pytest.mark.parametrize("annotation", ["[]", "{", "[" * 100_000], ids=["list", "broken", "deep"])
def test_an_annotation_that_is_no_mapping_is_no_metadata(annotation: str) -> None:
    assert read_metadata({"metadata": {"annotations": {"mintage.dev/metadata": annotation}}}) == {}


@pytest.mark.parametrize("id", ["2013-flights-1", "Flights-1", "a" * 48, "a_b", "a-"])
def test_an_id_that_kuberay_refuses_is_refused_before_it_is_sent(id: str) -> None:
    with pytest.raises(SpecError, match="cannot be the name"):
        fill_template(GOOD, _submission(id))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("kind: RayJob\n--- \nkind: RayJob", "not one object"),
        ("- RayJob", "not one object"),
        ("", "not one object"),
        ("a: [", "cannot be read as YAML"),
        ("a: &x [1]\nb: [*x, *x]", "aliases are not allowed"),
        ("a: !!python/object/apply:os.system ['true']", "cannot be read as YAML"),
        ("[" * 2000, "cannot be read as YAML"),
        (yaml.safe_dump({**GOOD, "kind": "RayCluster"}), "RayCluster, not ray.io/v1 RayJob"),
        (yaml.safe_dump({**GOOD, "apiVersion": "ray.io/v1alpha1"}), "v1alpha1 RayJob, not"),
        (yaml.safe_dump({**GOOD, "spec": None}), "has no spec"),
        (_changed(submissionMode="K8sJobMode"), "K8sJobMode, not HTTPMode"),
        (_changed(entrypoint="python x.py"), "sets entrypoint"),
        (_changed(rayClusterSpec=None), "no rayClusterSpec"),
        (_changed(runtimeEnvYAML="[1]"), "runtimeEnvYAML that is no mapping"),
        (_changed(runtimeEnvYAML="env_vars: [1]"), "runtimeEnvYAML that is no mapping"),
        (_changed(runtimeEnvYAML="a: *b"), "runtimeEnvYAML"),
        ("#" * (MAX_TEMPLATE_BYTES + 1), "larger than"),
        (json.dumps({**GOOD, "spec": "x" * 10}), "has no spec"),
    ],
)
def test_what_is_no_template_is_refused_with_the_reason(text: str, says: str) -> None:
    with pytest.raises(SpecError, match=says):
        read_template(text, "rayjob.yaml of the ConfigMap tpl")
