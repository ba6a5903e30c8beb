"""How many workers a job takes of a cluster that others wait for: a pure policy, one look after the other."""

from __future__ import annotations

from dataclasses import dataclass

from mintage.engine.placement import ClusterView, Placement, free_room, kept_out, room

_SURE = 2
"""Looks in a row that must see others wait: what Ray reports is a second old."""
_CALM = 3
"""Looks in a row that must see nobody wait before the job takes more again."""


@dataclass(slots=True)
class Share:
    """What a job takes now: all that it wants, until others wait for what it has.

    Then it gives back workers, down to its share: the room of the cluster by the jobs that have workers
    of Mintage or wait for them, of whom one is somebody else in any case. It never gives back its last
    one. When nobody waits any more it takes what is free, up to what it wants.
    """

    placement: Placement
    _ceiling: int | None = None
    _seen_waiting: int = 0
    _seen_calm: int = 0

    def look(self, view: ClusterView, *, started: int, waiting: int) -> int:
        """How many workers to have, waiting ones among them, after this look at the cluster."""
        target, shape = self.placement.target(view), self.placement.shape
        needed = kept_out(shape, waiting, view)
        self._seen_waiting = self._seen_waiting + 1 if needed else 0
        self._seen_calm = 0 if needed else self._seen_calm + 1
        if self._seen_waiting >= _SURE:
            share = max(1, room(shape, view) // max(2, len(view.jobs)))
            if started > share:
                self._ceiling = max(share, started - needed)
        elif self._ceiling is not None and self._seen_calm >= _CALM:
            self._ceiling = max(self._ceiling, started + free_room(shape, view))
            if self._ceiling >= target:
                self._ceiling = None
        return target if self._ceiling is None else min(target, self._ceiling)
