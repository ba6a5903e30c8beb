"""Checkpoints of a fit that is made of fits: models that are done, and the state of the one under way."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from mintage.contracts import Checkpoints

_STATE = "state."


class SegmentCheckpoints:
    """Keeps the files of finished models beside the state of the current fit in one outer checkpoint."""

    def __init__(self, outer: Checkpoints) -> None:
        self._outer = outer
        files = dict(outer.load() or {}) if outer.every_seconds is not None else {}
        self._done = {name: data for name, data in files.items() if not name.startswith(_STATE)}
        self._state = {name: data for name, data in files.items() if name.startswith(_STATE)}
        self._saved = time.monotonic()

    def finished(self, number: int) -> dict[str, bytes] | None:
        """The files of that model, when an earlier process fitted it; else None."""
        return files_of(self._done, number) or None

    def of(self, number: int) -> Checkpoints:
        """What the fit of that model is given."""
        return _Current(every_seconds=self._outer.every_seconds, number=number, all=self)

    def finish(self, number: int, files: Mapping[str, bytes], *, keeps: bool) -> None:
        """Note a finished model; it is saved (where this process `keeps`) when that is due."""
        self._done |= numbered(number, files)
        every = self._outer.every_seconds
        if keeps and every is not None and time.monotonic() - self._saved >= every:
            self.save({})

    def state(self, number: int) -> dict[str, bytes] | None:
        """The state of that fit, when an earlier process saved it; else None."""
        state = {name.removeprefix(_STATE): data for name, data in self._state.items()}
        return files_of(state, number) or None

    def save(self, state: Mapping[str, bytes]) -> None:
        """Save what is done, and the state of one that is not."""
        self._outer.save({**self._done, **{_STATE + name: data for name, data in state.items()}})
        self._saved = time.monotonic()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Current:
    every_seconds: float | None
    number: int
    all: SegmentCheckpoints

    def load(self) -> Mapping[str, bytes] | None:
        return self.all.state(self.number)

    def save(self, files: Mapping[str, bytes]) -> None:
        self.all.save(numbered(self.number, files))


def numbered(number: int, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The same files under names that begin with the number of their model."""
    return {f"{number:04d}.{name}": data for name, data in files.items()}


def files_of(files: Mapping[str, bytes], number: int) -> dict[str, bytes]:
    """The files that `numbered` named, under their own names."""
    prefix = f"{number:04d}."
    return {name.removeprefix(prefix): data for name, data in files.items() if name.startswith(prefix)}
