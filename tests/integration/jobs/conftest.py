"""A cluster with its Jobs API, and jobs that take a few seconds there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import mintage
from tests.integration.ray_head import RayHead, ray_head

__all__ = ["ray_head"]

Spec = Callable[..., dict[str, Any]]


@pytest.fixture
def client(ray_head: RayHead) -> Iterator[mintage.Client]:
    """A client of the cluster."""
    with mintage.Client(ray_head.address, token=ray_head.token) as client:
        yield client


@pytest.fixture
def spec(tmp_path: Path) -> Spec:
    """A job of three shards in the driver's own process; keys can be replaced."""
    rows = "".join(f"{18 + number % 70},{'FM'[number % 2]}\n" for number in range(300))
    (tmp_path / "people.csv").write_text(f"age,sex\n{rows}")

    def make(sink: str, **replaced: object) -> dict[str, Any]:
        return {
            "name": "people",
            "source": {"uri": str(tmp_path / "people.csv")},
            "generator": {"kind": "tabular.marginals"},
            "rows": 600,
            "sink": {"uri": str(tmp_path / sink), "shard_rows": 200},
            "evaluation": {"metrics": []},
            "resources": {"executor": "inline"},
            **replaced,
        }

    return make


@pytest.fixture
def endless(spec: Spec) -> Spec:
    """A job that mints until it is stopped."""

    def make(sink: str) -> dict[str, Any]:
        values = spec(sink, rows=10**9)
        return {**values, "sink": {**values["sink"], "shard_rows": 100}}

    return make
