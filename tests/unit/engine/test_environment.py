"""What differs between two environments, and what can be counted on then."""

from __future__ import annotations

import platform
from importlib.metadata import version

import pytest

from mintage.contracts import Determinism
from mintage.engine.environment import Environment

THERE = Environment(
    versions={"numpy": "2.0.0", "pyarrow": "20.0.0", "python": "3.11.1", "mintage": "0.1.0"},
    hardware={"machine": "x86_64", "simd": "AVX2", "device": "cpu"},
)


def here(**changed: str) -> Environment:
    return Environment(
        versions={name: changed.get(name, value) for name, value in THERE.versions.items()},
        hardware={name: changed.get(name, value) for name, value in THERE.hardware.items()},
    )


def test_the_same_environment_differs_in_nothing() -> None:
    assert THERE.differences(here()) == ()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("pyarrow", Determinism.CONTENT),
        ("python", Determinism.CLOSE),
        ("machine", Determinism.CLOSE),
        ("simd", Determinism.CLOSE),
        ("numpy", Determinism.STATISTICAL),
        ("mintage", Determinism.STATISTICAL),
        ("device", Determinism.STATISTICAL),
    ],
)
def test_what_differs_says_what_can_be_counted_on(name: str, expected: Determinism) -> None:
    [difference] = THERE.differences(here(**{name: "other"}))
    assert (difference.name, difference.here, difference.expected) == (name, "other", expected)
    assert f"{name} is other here" in difference.advice
    assert expected.value in difference.advice


def test_what_is_not_known_is_told_and_taken_for_no_difference() -> None:
    differences = Environment(versions={"numpy": "2.0.0"}).differences(here())
    assert {difference.expected for difference in differences} == {Determinism.BYTES}
    assert str(differences[0]) == "mintage is 0.1.0 here and was not recorded there"


def test_this_process_knows_its_libraries_and_its_machine() -> None:
    found = Environment.here({"click": "0", "no-such-package": "1"})
    assert found.versions["click"] == version("click")
    assert found.versions["python"] == platform.python_version()
    assert "no-such-package" not in found.versions
    assert found.hardware["machine"] == platform.machine()
    assert Environment.of(found.to_json()) == found


@pytest.mark.parametrize("value", [None, [], "x", {"versions": 3}, {"hardware": {"machine": 7}}], ids=str)
def test_an_environment_that_is_none_is_not_known(value: object) -> None:
    assert Environment.of(value) == Environment()
