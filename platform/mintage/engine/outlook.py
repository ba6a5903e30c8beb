"""What a job sees of its cluster: how many workers it may have, why it has none, and when it gives up."""

from __future__ import annotations

import time
from collections.abc import Callable

from mintage.engine import events
from mintage.engine.cluster_view import look
from mintage.engine.placement import ClusterView, Placement, free_room, room, unplaceable
from mintage.engine.sharing import Share
from mintage.errors import ClusterError

_EVERY_SECONDS = 2.0
_SHARE_OF_TIME = 0.02
"""What of the driver's time looking may take: a large cluster is looked at more seldom."""
_FRESH_SECONDS = 0.5
_TELL_AFTER_SECONDS = 10.0
_TELL_AGAIN_SECONDS = 60.0


class Outlook:
    """Looks at the cluster now and then, and tells those who watch why nothing goes on."""

    def __init__(
        self,
        placement: Placement,
        on_event: events.OnEvent,
        look_at: Callable[[], ClusterView] = look,
    ) -> None:
        self._placement = placement
        self._share = Share(placement)
        self._on_event = on_event
        self._look_at = look_at
        self._next_look = 0.0
        self._seen_at = 0.0
        self._alone_since = time.monotonic()
        self._told: dict[str, tuple[str, float]] = {}
        self._view = look_at()
        self.target = placement.target(self._view)
        """How many workers the job wants, others left aside."""
        self.allowed = self.target
        """How many it may have now."""
        self._tell_unplaceable()

    def begin(self) -> None:
        """There is work from now on: the time without a worker counts."""
        self._alone_since = time.monotonic()

    def watch(self, *, started: int, waiting: int, work: int) -> int:
        """How many workers to have. Raises `ClusterError` after a long time with work and without any."""
        now = time.monotonic()
        if now >= self._next_look and self._look():
            self.target = self._placement.target(self._view)
            self.allowed = self._share.look(self._view, started=started, waiting=waiting)
            self._tell_unplaceable()
        if started or not work:
            self._alone_since = now
        elif (alone := now - self._alone_since) > _TELL_AFTER_SECONDS:
            self._complain(alone, work, waiting)
        return self.allowed

    def is_gone(self, node: str) -> bool:
        """Whether a node has left the cluster, or is about to; a head that does not answer is as bad."""
        if time.monotonic() - self._seen_at > _FRESH_SECONDS and not self._look():
            return True
        return all(one.id != node for one in self._view.nodes)

    def _look(self) -> bool:
        started = time.monotonic()
        try:
            self._view = self._look_at()
        except ClusterError as exc:
            self._tell("head", exc.message)
            return False
        finally:
            self._seen_at = time.monotonic()
            self._next_look = self._seen_at + max(_EVERY_SECONDS, (self._seen_at - started) / _SHARE_OF_TIME)
        return True

    def _complain(self, alone: float, work: int, waiting: int) -> None:
        hopeless = unplaceable(self._placement, self._view)
        why = hopeless or self._crowded(waiting)
        if alone > (patience := self._placement.patience_seconds):
            raise ClusterError(
                f"no worker for {alone:.0f} s, and resources.patience_seconds is {patience:g}: {why}",
                "what is committed stays: run the same command again when the cluster has room",
            )
        self._tell("none fits" if hopeless else "crowded", f"{work} shards wait for a worker: {why}")

    def _crowded(self, asked_for: int) -> str:
        shape, view = self._placement.shape, self._view
        without_room = sum(one.count for one in view.waiting if one.shape.same(shape))
        return (
            f"the cluster has {len(view.nodes)} nodes, with room for {room(shape, view)} workers, "
            f"{free_room(shape, view)} of them free; {max(0, asked_for - without_room)} are starting"
        )

    def _tell_unplaceable(self) -> None:
        if why := unplaceable(self._placement, self._view):
            patience = self._placement.patience_seconds
            hope = f"Unless such a node comes, the job gives up after {patience:g} s without a worker"
            self._tell("unplaceable", f"{why}. {hope}")

    def _tell(self, what: str, message: str) -> None:
        """Warn of something new of a kind; not of the same again while nothing changed, nor too often."""
        now = time.monotonic()
        said, at = self._told.get(what, ("", float("-inf")))
        if message != said and now - at >= _TELL_AGAIN_SECONDS:
            self._told[what] = (message, now)
            self._on_event(events.Warned(message=message))
