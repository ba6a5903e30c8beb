"""Configurations of `mintage serve` that are wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mintage.errors import SpecError
from mintage.spec import ServingSpec, read_serving_spec

MODELS = {"people": {"uri": "people"}}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "models: is missing"),
        ({"models": {}}, "models: must have at least 1"),
        ({"models": {"a/b": {"uri": "x"}}}, "is not written as it must be"),
        ({"models": {"people": {"uri": "s3://user@bucket/x"}}}, "holds a credential"),
        ({"models": {"people": {"uri": "x", "trust": ["k"], "policy": "p"}}}, "does not go with trust"),
        ({"models": MODELS, "autoscale": {}}, "did you mean 'autoscaling'"),
        ({"models": MODELS, "replicas": 2, "autoscaling": {"max": 3}}, "does not go with autoscaling"),
        ({"models": MODELS, "autoscaling": {"min": 3, "max": 2}}, "must not be less than min"),
        ({"models": MODELS, "authentication": {}}, "needs exactly one of"),
        ({"models": MODELS, "authentication": {"open": True, "file": "x"}}, "needs exactly one of"),
        ({"models": MODELS, "port": 0}, "port: must be at least 1"),
        ({"models": MODELS, "limits": {"rows": 0}}, "limits.rows: must be at least 1"),
    ],
)
def test_wrong_configurations_are_told(values: dict[str, Any], words: str) -> None:
    with pytest.raises(SpecError) as caught:
        read_serving_spec(values)
    assert words in str(caught.value)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.org"])
def test_listening_for_other_machines_needs_authentication(host: str) -> None:
    with pytest.raises(SpecError, match="there is no authentication"):
        ServingSpec.model_validate({"models": MODELS, "host": host}).check_reachable()
    for who in ({"file": "tokens"}, {"open": True}):
        ServingSpec.model_validate({"models": MODELS, "host": host, "authentication": who}).check_reachable()


def test_loopback_needs_none() -> None:
    for host in ("127.0.0.1", "::1", "localhost"):
        ServingSpec.model_validate({"models": MODELS, "host": host}).check_reachable()


def test_configuration_is_read_from_a_file_which_errors_name(tmp_path: Path) -> None:
    path = tmp_path / "serving.yaml"
    path.write_text("models: {people: {uri: people}}\nport: 41499\n")
    assert read_serving_spec(path).port == 41_499
    path.write_text("models: {people: {uri: people}}\nport: high\n")
    with pytest.raises(SpecError, match=r"serving\.yaml: port: must be a whole number"):
        read_serving_spec(path)
    with pytest.raises(SpecError, match="there is no such serving configuration file"):
        read_serving_spec(tmp_path / "none.yaml")
