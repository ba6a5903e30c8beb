"""Where a stream stands, as a plain dict that any checkpoint can hold, and what it takes to go on from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mintage.engine.stream.lanes import Position, Stage, Work, deal
from mintage.errors import SpecError

FORMAT = "mintage-stream/1"
_HINT = "use the state that this stream's state_dict() gave"


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Where lane `lane` of `lanes` stands; `stages` are how its epoch was dealt out anew before.

    `rows_of` says, in text, whose rows they are: plan, table, rows of a batch, and what later epochs draw.
    """

    rows_of: str
    lane: int
    lanes: int
    position: Position
    stages: tuple[Stage, ...] = ()

    def work(self, shards: Sequence[int], epoch: int) -> Work:
        """What this lane draws in an epoch: only the epoch of the position was ever dealt out anew."""
        stages = self.stages if epoch == self.position.epoch else ()
        return deal(shards, stages).lane(self.lane, self.lanes)

    def moved(self, position: Position) -> State:
        """The state of the same lane elsewhere."""
        same = position.epoch == self.position.epoch
        return replace(self, position=position, stages=self.stages if same else ())

    def seen_by(self, lane: int, lanes: int) -> State:
        """The same work, gone on with by one lane of another number of lanes.

        Raises `SpecError` unless that is exact: this must be the state of this lane, or of all.
        """
        if (lane, lanes) == (self.lane, self.lanes):
            return self
        if self.lanes != 1:
            raise SpecError(
                f"the state is that of lane {self.lane} of {self.lanes} alone (ranks times workers), and "
                f"this is lane {lane} of {lanes}: what the others drew is not in it",
                "load each state where it was saved, or join the states of all with mintage.Stream.join",
            )
        if self.position == Position(epoch=self.position.epoch):
            return replace(self, lane=lane, lanes=lanes)
        begun = Position(epoch=self.position.epoch)
        stages = (*self.stages, (self.position,))
        return replace(self, lane=lane, lanes=lanes, position=begun, stages=stages)

    def to_json(self) -> dict[str, Any]:
        """The state as numbers, text, lists and dicts."""
        return {
            "format": FORMAT,
            "rows_of": self.rows_of,
            "lane": self.lane,
            "lanes": self.lanes,
            "position": _to_json(self.position),
            "stages": [[_to_json(position) for position in stage] for stage in self.stages],
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> State:
        """The state that `to_json` gave. Raises `SpecError` for anything else."""
        if value.get("format") != FORMAT:
            raise SpecError(f"this is no {FORMAT} state", _HINT)
        try:
            state = cls(
                rows_of=str(value["rows_of"]),
                lane=int(value["lane"]),
                lanes=int(value["lanes"]),
                position=_from_json(value["position"]),
                stages=tuple(tuple(_from_json(one) for one in stage) for stage in value["stages"]),
            )
        except (KeyError, TypeError, ValueError) as exc:
            raise SpecError(f"the state is malformed: {exc!r}", _HINT) from exc
        if not 0 <= state.lane < state.lanes:
            raise SpecError(f"the state is malformed: lane {state.lane} of {state.lanes}", _HINT)
        return state


def join(states: Sequence[State]) -> State:
    """The state of all lanes as one, which any number of lanes can go on from.

    Raises `SpecError` unless each lane is there once, all in one epoch of the same rows.
    """
    if not states:
        raise SpecError("there are no states to join", "give the state of every rank")
    ordered = sorted(states, key=lambda state: state.lane)
    first = ordered[0]
    if [state.lane for state in ordered] != list(range(first.lanes)):
        lanes = ", ".join(f"{state.lane} of {state.lanes}" for state in ordered)
        raise SpecError(f"the states are those of the lanes {lanes}", "give the state of every lane, once")
    for state in ordered:
        if (state.rows_of, state.lanes, state.stages) != (first.rows_of, first.lanes, first.stages):
            raise SpecError("the states are not those of one stream", "give states that were saved together")
        if state.position.epoch != first.position.epoch:
            raise SpecError(
                f"lane {state.lane} is in epoch {state.position.epoch}, lane {first.lane} in epoch "
                f"{first.position.epoch}: what is left of two epochs is not one list of shards",
                "join states that were saved in the same epoch",
            )
    stage = tuple(state.position for state in ordered)
    begun = Position(epoch=first.position.epoch)
    return State(rows_of=first.rows_of, lane=0, lanes=1, position=begun, stages=(*first.stages, stage))


def _to_json(position: Position) -> dict[str, Any]:
    return {
        "epoch": position.epoch,
        "next": position.next,
        "open": [[place, batch] for place, batch in position.open],
    }


def _from_json(value: Mapping[str, Any]) -> Position:
    opened = tuple((int(place), int(batch)) for place, batch in value["open"])
    return Position(int(value["epoch"]), int(value["next"]), opened)
