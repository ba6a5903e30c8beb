"""On what rows were made: versions, processor, device. What differs says how equal a shard can be again."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Self

from mintage.contracts import Determinism
from mintage.engine.devices import choose_device

LIBRARIES = ("numpy", "polars", "pyarrow", "torch")
"""Libraries that rows and files are made with, besides the plugins."""

_MAX_TEXT = 1000

# What can be counted on when a thing is another: files are encoded by pyarrow, numbers are computed by the
# processor, everything else decides which rows are drawn. Whether it holds in fact is then found out.
_EXPECTED = {
    "pyarrow": Determinism.CONTENT,
    "machine": Determinism.CLOSE,
    "simd": Determinism.CLOSE,
    "python": Determinism.CLOSE,
    "device": Determinism.STATISTICAL,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Something that is another here than where the data set was made; None where it is not known."""

    name: str
    there: str | None
    here: str | None
    expected: Determinism
    """The strongest equality that can be counted on when only this differs."""

    def __str__(self) -> str:
        return f"{self.name} is {self.here or 'not known'} here and was {self.there or 'not recorded'} there"

    @property
    def advice(self) -> str:
        """The difference, and what it means for a shard that is minted again."""
        if self.expected is Determinism.BYTES:
            return str(self)
        return f"{self}: no more than the class {self.expected.value} can be counted on"

    def to_json(self) -> dict[str, object]:
        """The difference as plain JSON values."""
        return {"name": self.name, "there": self.there, "here": self.here, "expected": self.expected.value}


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """What rows may depend on besides the plan; things that are not known are left out."""

    versions: Mapping[str, str] = field(default_factory=dict)
    """By distribution, and `python`."""
    hardware: Mapping[str, str] = field(default_factory=dict)
    """`machine`: the architecture; `simd`: what numpy found beyond its baseline; `device`: cpu, or a GPU."""

    @classmethod
    def here(cls, distributions: Mapping[str, str]) -> Self:
        """The environment of this process; of `distributions` the names count."""
        names = {*LIBRARIES, *distributions}
        found = {name: installed for name in sorted(names) if (installed := _installed(name)) is not None}
        hardware = {"machine": platform.machine(), "simd": _simd(), "device": _device()}
        return cls(
            versions=found | {"python": platform.python_version()},
            hardware={name: text[:_MAX_TEXT] for name, text in hardware.items() if text},
        )

    @classmethod
    def of(cls, value: object) -> Self:
        """The environment that a signed statement holds; what is not there, or is no text, is not known."""
        entry: Mapping[str, object] = value if isinstance(value, Mapping) else {}
        return cls(versions=_texts(entry.get("versions")), hardware=_texts(entry.get("hardware")))

    def to_json(self) -> dict[str, object]:
        """The environment as plain JSON values."""
        return {"versions": dict(self.versions), "hardware": dict(self.hardware)}

    def differences(self, here: Environment) -> tuple[Difference, ...]:
        """What is another `here` than in this environment, or is known on one side only."""
        pairs = (
            (name, there.get(name), mine.get(name))
            for there, mine in ((self.versions, here.versions), (self.hardware, here.hardware))
            for name in sorted({*there, *mine})
        )
        return tuple(
            Difference(name=name, there=there, here=mine, expected=_expected(name, there, mine))
            for name, there, mine in pairs
            if there != mine
        )


def _expected(name: str, there: str | None, here: str | None) -> Determinism:
    if there is None or here is None:
        # Not known is not different; that it is not known is told.
        return Determinism.BYTES
    return _EXPECTED.get(name, Determinism.STATISTICAL)


def _texts(value: object) -> dict[str, str]:
    if not isinstance(value, Mapping):
        return {}
    return {str(name): text for name, text in value.items() if isinstance(text, str)}


def _installed(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _simd() -> str:
    import numpy as np

    shown = np.show_config(mode="dicts")
    return " ".join(map(str, shown.get("SIMD Extensions", {}).get("found", ())))


def _device() -> str:
    if choose_device("auto") == "cpu":
        return "cpu"
    import torch

    return str(torch.cuda.get_device_name())
