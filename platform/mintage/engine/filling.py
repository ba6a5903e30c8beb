"""How a shard asks for rows: planned batches first, then just enough to make up for rejects.

Every request is a pure function of the plan and of the verdicts on the requests before it, so a
shard asks the same questions whoever mints it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

from mintage.contracts import KEYS_PER_SHARD, Quota, SampleRequest, Shard
from mintage.errors import StarvationError
from mintage.plan import planned_batches

JUDGE_AFTER_ROWS = 10_000
"""Rows that a shard draws before its acceptance is judged: fewer would judge by chance."""
_MARGIN = 1.1


@dataclass(slots=True)
class Filling:
    """Which requests a shard has made, how many rows it drew, how many were accepted."""

    shard: Shard
    min_acceptance: float
    drawn: int = 0
    accepted: int = 0
    _batch: int = 0
    _asked: int = 0
    _missing: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self._missing = [quota.rows for quota in self.shard.quotas]

    def planned(self) -> Iterator[tuple[int, SampleRequest]]:
        """The requests that fill every quota when nothing is rejected, with the quota's position."""
        for position, quota in enumerate(self.shard.quotas):
            for rows in planned_batches(quota.rows, self.shard.batch_rows):
                yield position, self._request(quota, rows)

    def top_up(self) -> Iterator[tuple[int, SampleRequest]]:
        """Requests for what is missing; each is made after the verdict on the one before it."""
        for position, quota in enumerate(self.shard.quotas):
            while missing := self._missing[position]:
                acceptance = max(self.accepted / self.drawn, self.min_acceptance) if self.drawn else 1.0
                rows = min(self.shard.batch_rows, math.ceil(missing / acceptance * _MARGIN))
                yield position, self._request(quota, rows)

    def missing(self, position: int) -> int:
        """Accepted rows that the quota at that position still wants."""
        return self._missing[position]

    def count(self, position: int, *, drawn: int, accepted: int, rejected: dict[str, int]) -> None:
        """Take in the verdict on a request. Raises `StarvationError` when too little is accepted."""
        self.drawn += drawn
        self.accepted += accepted
        self._missing[position] -= accepted
        if self.drawn >= JUDGE_AFTER_ROWS and self.accepted < self.min_acceptance * self.drawn:
            raise StarvationError(
                f"shard {self.shard.index}: only {self.accepted} of {self.drawn} rows drawn were accepted, "
                f"less than min_acceptance {self.min_acceptance:g}; rejected by {_most(rejected)}",
                "loosen that rule, give it action: tag to see what it catches, or lower min_acceptance",
            )

    def _request(self, quota: Quota, rows: int) -> SampleRequest:
        request = SampleRequest(
            seed=self.shard.seed,
            shard=self.shard.index,
            batch=self._batch,
            rows=rows,
            first_key=self.shard.index * KEYS_PER_SHARD + self._asked,
            fixed=quota.fixed,
            excluded=quota.excluded,
            within=quota.within,
        )
        self._batch += 1
        self._asked += rows
        if self._asked > KEYS_PER_SHARD:
            raise StarvationError(
                f"shard {self.shard.index} drew more than {KEYS_PER_SHARD} rows",
                "use a smaller sink.shard_rows",
            )
        return request


def _most(rejected: dict[str, int]) -> str:
    """The reasons for most rejects, with their counts."""
    ordered = sorted(rejected.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{reason} ({rows})" for reason, rows in ordered[:3]) or "no rule: rows are missing"
