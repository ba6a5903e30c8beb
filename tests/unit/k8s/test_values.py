"""The chart's values: each is explained, and a wrong one is refused in words."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from helm_python import HelmError

from tests.unit.k8s.charts import CHART, Document, chart, objects, render

LINES = (CHART / "values.yaml").read_text(encoding="utf-8").splitlines()

REFUSED: dict[str, tuple[Document, str]] = {
    "a group misspelt": ({"wokerGroups": {}}, "wokerGroups"),
    "a key misspelt": ({"head": {"memmory": "8Gi"}}, "memmory"),
    "a key of a group misspelt": ({"workerGroups": {"cpu": {"maxReplica": 3}}}, "maxReplica"),
    "a key of a new group missing": ({"workerGroups": {"a100": {"enabled": True}}}, "memory"),
    "a number without unit": ({"head": {"memory": 8}}, "/head/memory"),
    "a unit that is none": ({"head": {"memory": "8 GB"}}, "/head/memory"),
    "fractions of a CPU for workers": ({"workerGroups": {"cpu": {"cpu": "500m"}}}, "/workerGroups/cpu/cpu"),
    "an unknown mode": ({"auth": {"mode": "password"}}, "/auth/mode"),
    "an unknown market": ({"workerGroups": {"cpu": {"market": "cheap"}}}, "/workerGroups/cpu/market"),
    "a group's name with capitals": ({"workerGroups": {"GPU": {}}}, "GPU"),
    "root": ({"pods": {"uid": 0}}, "/pods/uid"),
    "a repository with a tag": ({"image": {"repository": "r.example.com/m:1"}}, "/image/repository"),
    "a digest that is none": ({"image": {"digest": "sha256:abc"}}, "/image/digest"),
    "the latest image": ({"image": {"tag": "latest"}}, "image.tag is latest"),
    "no image": ({"image": {"repository": ""}}, "image.repository is not set"),
    "a secret in a variable": ({"pods": {"env": {"AWS_SECRET_ACCESS_KEY": "x"}}}, "looks like a secret"),
    "a label of ours": ({"labels": {"mintage.dev/release": "x"}}, "mintage.dev/release"),
    "no tokens and no policies": (
        {"auth": {"mode": "disabled"}, "networkPolicy": {"enabled": False}},
        "anybody in the cluster",
    ),
    "a queue without a name": ({"kueue": {"enabled": True}}, "kueue.queueName"),
    "a queue and rules": (
        {"kueue": {"enabled": True, "queueName": "a"}, "job": {"cleanUp": {"mode": "rules"}}},
        "cleanUp.mode=shutdown",
    ),
    "a queue and no pods": ({"kueue": {"enabled": True, "queueName": "a"}}, "replicas"),
    "no group": ({"workerGroups": {"cpu": {"enabled": False}}}, "no group of workers"),
    "a fixed size of nothing": ({"autoscaling": {"enabled": False}}, "no group of workers"),
    "less than the least": ({"workerGroups": {"cpu": {"minReplicas": 11}}}, "minReplicas 11"),
    "more than the most": ({"workerGroups": {"cpu": {"replicas": 11}}}, "replicas 11"),
    "a role without a name": ({"identity": {"provider": "aws-irsa"}}, "identity.awsRoleArn"),
    "an identity without an id": ({"identity": {"provider": "azure"}}, "identity.azureClientId"),
    "an ARN that is none": ({"identity": {"awsRoleArn": "mintage"}}, "/identity/awsRoleArn"),
    "an address that is none": ({"networkPolicy": {"apiServer": {"cidrs": ["kubernetes"]}}}, "/cidrs/0"),
    "a port out of range": ({"telemetry": {"port": 70000}}, "/telemetry/port"),
    "a share above one": ({"monitoring": {"memoryShare": 92}}, "memoryShare"),
    "an import path that is none": ({"serve": {"importPath": "mintage/serving.py"}}, "/serve/importPath"),
}


@pytest.mark.parametrize(("values", "words"), REFUSED.values(), ids=REFUSED)
def test_a_wrong_value_is_refused_in_words(values: Document, words: str) -> None:
    with pytest.raises(HelmError) as refusal:
        render(values)
    assert words in str(refusal.value)


def test_every_value_has_a_comment_above_it() -> None:
    silent = [
        line
        for above, line in zip(["", *LINES], LINES, strict=False)
        if ":" in line.partition("#")[0] and not above.strip().startswith("#")
    ]
    assert silent == []


def test_the_schema_knows_every_value_and_no_other() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    values = yaml.safe_load("\n".join(LINES))

    def compare(known: Document, given: Document, path: str) -> list[str]:
        if "properties" not in known:
            return []
        assert known["additionalProperties"] is False, path
        missing = sorted(known["properties"].keys() ^ (given.keys() | ({"global"} if not path else set())))
        deeper = [
            finding
            for key in given
            if isinstance(given[key], dict)
            for finding in compare(known["properties"].get(key, {}), given[key], f"{path}.{key}")
        ]
        return [f"{path}.{key}" for key in missing] + deeper

    assert compare(schema, values, "") == []


def test_the_chart_s_version_of_mintage_is_this_one() -> None:
    import mintage

    assert chart().metadata["appVersion"] == mintage.__version__
    images = [line for text in render({}).values() for line in text.splitlines() if "image: " in line]
    assert images
    assert all(line.endswith(f":{mintage.__version__}") for line in images)


def test_what_a_user_types_is_told_after_the_installation() -> None:
    notes = render({}, name="mint", namespace="team-a")["mintage/templates/NOTES.txt"]
    assert "kubernetes://team-a?template=mint-mintage-rayjob" in notes
    assert "mint-mintage-rayjob" in {each["metadata"]["name"] for each in objects({}, name="mint")}
    assert "signing.secretName" in notes
    assert "Name its addresses" in notes
    settled = render(
        {"signing": {"secretName": "key"}, "networkPolicy": {"apiServer": {"cidrs": ["10.0.0.1/32"]}}}
    )
    assert "signing.secretName" not in settled["mintage/templates/NOTES.txt"]
    assert "Name its addresses" not in settled["mintage/templates/NOTES.txt"]


def test_values_that_the_documentation_shows_can_be_installed(repository: Path) -> None:
    text = (repository / "docs" / "deploy.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```yaml.*?\n(.*?)^```", text, re.M | re.S)
    assert len(blocks) == 2
    for block in blocks:
        assert objects(yaml.safe_load(block))
