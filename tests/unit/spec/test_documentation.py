"""docs/spec.md names every key, and its examples are sound."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mintage.spec import json_schema, read_spec

DOCUMENT = Path(__file__).parents[3] / "docs" / "spec.md"


def keys() -> list[str]:
    schema = json_schema()
    parts = schema["$defs"]
    assert isinstance(parts, dict)
    return sorted({key for model in [schema, *parts.values()] for key in model.get("properties", {})})


def examples() -> list[str]:
    return re.findall(r"```yaml\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), flags=re.DOTALL)


@pytest.mark.parametrize("key", keys())
def test_key_is_documented(key: str) -> None:
    assert f"`{key}`" in DOCUMENT.read_text(encoding="utf-8")


@pytest.mark.parametrize("example", examples(), ids=range(len(examples())))
def test_example_is_a_sound_spec(example: str) -> None:
    read_spec(example)
