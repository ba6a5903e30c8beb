"""Models as files: one JSON document and one safetensors file, both checked when they are read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load, save

from mintage.errors import FitError

MAX_BYTES = 4 * 2**30
"""Largest model file that is read."""

DOCUMENT = "model.json"
ARRAYS = "model.safetensors"


class Document(BaseModel):
    """Base of what a model keeps as JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


DocumentT = TypeVar("DocumentT", bound=Document)


def pack(document: Document, arrays: Mapping[str, np.ndarray]) -> dict[str, bytes]:
    """The two files; equal models give equal bytes."""
    text = json.dumps(
        document.model_dump(mode="json"), ensure_ascii=False, separators=(",", ":"), sort_keys=True
    )
    ordered = {name: np.ascontiguousarray(arrays[name]) for name in sorted(arrays)}
    return {DOCUMENT: text.encode(), ARRAYS: save(ordered)}


def unpack(files: Mapping[str, bytes], kind: type[DocumentT]) -> tuple[DocumentT, Arrays]:
    """What `pack` wrote; raises `FitError` for missing, oversized or altered files."""
    if set(files) != {DOCUMENT, ARRAYS}:
        raise damaged(f"it has the files {sorted(files)[:10]} instead of {[DOCUMENT, ARRAYS]}")
    if (largest := max(len(data) for data in files.values())) > MAX_BYTES:
        raise damaged(f"a file of {largest} bytes is larger than {MAX_BYTES}")
    try:
        document = kind.model_validate_json(files[DOCUMENT])
        arrays = load(files[ARRAYS])
    except (ValidationError, SafetensorError, ValueError, KeyError) as exc:
        raise damaged(str(exc).splitlines()[0][:200]) from exc
    return document, Arrays(arrays)


def damaged(why: str) -> FitError:
    """The error for a model that was not written by `pack`, or was altered since."""
    return FitError(f"the files are not a model that this generator saved: {why}", "fit the model again")


@dataclass(frozen=True, slots=True)
class Arrays:
    """Arrays by name, each checked against what the reader expects of it."""

    by_name: Mapping[str, np.ndarray]

    def get(self, name: str, dtype: type[np.generic], shape: tuple[int | None, ...]) -> np.ndarray:
        """The array of that name, type and shape (None: any length); raises `FitError` otherwise."""
        array = self.by_name.get(name)
        if array is None:
            raise damaged(f"the array {name!r} is missing")
        fits = len(array.shape) == len(shape) and all(
            w is None or w == h for w, h in zip(shape, array.shape, strict=True)
        )
        if array.dtype != dtype or not fits:
            raise damaged(
                f"the array {name!r} is {array.dtype}{list(array.shape)}, not {dtype.__name__}{list(shape)}"
            )
        return array
