"""What a run tells those who watch it: plain, typed events, in the order in which things happen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

Phase = Literal["read", "fit", "mint", "audit", "evaluate", "attest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    """A spec was found sound, its source read: the run has its id, and a place for its rows."""

    run_id: str
    dataset: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseStarted:
    """A run enters a phase."""

    phase: Phase
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FitProgressed:
    """The generator learns: `step` of at most `steps` (0: unknown)."""

    step: int
    steps: int
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Minting goes on: shards and accepted root rows that are committed, of how many.

    `rows_per_second` is that of this session; `seconds_left` is None until there is a rate.
    `cpu_seconds`, `gpu_seconds` and `bytes` are what this session has used, its fit included; `cost` is
    its price so far, in `currency`, or None where no prices are set.
    """

    shards_done: int
    shards: int
    rows: int
    rows_total: int
    rejected: Mapping[str, int]
    rows_per_second: float
    seconds_left: float | None
    cpu_seconds: float = 0.0
    gpu_seconds: float = 0.0
    bytes: int = 0
    cost: float | None = None
    currency: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardCommitted:
    """A shard is in the store."""

    shard: int
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardRetried:
    """A shard failed, or its worker was lost, and is tried again."""

    shard: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardAudited:
    """A committed shard was minted again by another worker, and came out with that equality."""

    shard: int
    equality: str
    worker: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Warned:
    """Something that a person should know, though the run goes on."""

    message: str


Event = (
    RunStarted
    | PhaseStarted
    | FitProgressed
    | Progress
    | ShardCommitted
    | ShardRetried
    | ShardAudited
    | Warned
)
OnEvent = Callable[[Event], None]
