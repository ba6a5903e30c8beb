"""A request's rows follow from the request alone, and from all of it."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations, product

import numpy as np

from mintage.contracts import SampleRequest
from mintage.testing._drawing import draw, draw_interleaved
from mintage.testing._fresh import draw_in_a_fresh_process
from mintage.testing._tables import difference, without_keys
from mintage.testing.errors import require
from mintage.testing.generator_case import GeneratorCase

_LARGEST_SEED = 2**64 - 1


def repeats_a_request(case: GeneratorCase) -> None:
    """The same request gives the same rows, alone or with others under way; sampling changes nothing."""
    check = "repeats_a_request"
    model, saved = case.model, case.model.save()
    request, other = case.request(shard=2, batch=1), case.request(shard=5, rows=case.rows + 3)
    first, first_other = draw(model, request), draw(model, other)
    case.require_same(check, first, draw(model, request), "asked twice")
    again, again_other = draw_interleaved(model, [request, other])
    case.require_same(check, first, again, "asked with another request under way")
    case.require_same(check, first_other, again_other, "asked with another request under way")
    require(model.save() == saved, check, "sampling changed what the model saves")


def repeats_in_a_fresh_process(case: GeneratorCase) -> None:
    """Another process that loads the saved model makes the same rows."""
    request = case.request(shard=3, batch=2)
    here, there = draw(case.model, request), draw_in_a_fresh_process(case.generator, case.model, request)
    case.require_same("repeats_in_a_fresh_process", here, there, "here, then in a fresh process")


def survives_an_early_stop(case: GeneratorCase) -> None:
    """Closing an iterator early, or never starting it, leaves no trace in what comes next."""
    check = "survives_an_early_stop"
    request = case.request(shard=1)
    expected = draw(case.reloaded(), request)
    model = case.reloaded()
    for steps in (0, 1, 2):
        _abandon(model.sample(request), steps)
        case.require_same(check, expected, draw(model, request), f"after a stop at batch {steps}")


def leaves_global_randomness_alone(case: GeneratorCase) -> None:
    """Sampling neither uses nor seeds the process-wide generators of `random`, numpy and torch."""
    model, before = case.model, _global_states()
    draw(model, case.request())
    moved = [name for name, state in _global_states().items() if state != before.get(name, state)]
    require(
        not moved,
        "leaves_global_randomness_alone",
        f"sampling moved the global state of {moved}: use request.rng() or request.torch_seed()",
    )


def differs_by_seed(case: GeneratorCase) -> None:
    """Another seed gives other rows, and every seed from 0 to 2**64 - 1 is one."""
    seeds = (0, 1, case.seed, _LARGEST_SEED)
    request = case.request()
    _require_distinct(case, "differs_by_seed", [replace(request, seed=seed) for seed in dict.fromkeys(seeds)])


def keeps_shards_apart(case: GeneratorCase) -> None:
    """A shard's rows do not depend on which others were made, and no two batches share a stream.

    Streams are compared less the keys and with one `first_key`, so that `seed + shard + batch`,
    which repeats the rows of a neighbour, does not pass because the rows are numbered on.
    """
    check = "keeps_shards_apart"
    alone = draw(case.reloaded(), case.request(shard=3))
    model = case.reloaded()
    for shard in range(3):
        draw(model, case.request(shard=shard))
    case.require_same(check, alone, draw(model, case.request(shard=3)), "alone, then after shards 0 to 2")
    request = case.request()
    grid = product((case.seed, case.seed + 1), (0, 1), (0, 1))
    _require_distinct(case, check, [replace(request, seed=s, shard=n, batch=b) for s, n, b in grid])


def _require_distinct(case: GeneratorCase, check: str, requests: Sequence[SampleRequest]) -> None:
    drawn = [(r, without_keys(draw(case.model, r), case.model.schema)) for r in requests]
    for (first, rows), (second, other_rows) in combinations(drawn, 2):
        require(
            bool(difference(rows, other_rows)), check, f"the same rows for {_key(first)} and {_key(second)}"
        )


def _key(request: SampleRequest) -> str:
    return f"(seed {request.seed}, shard {request.shard}, batch {request.batch})"


def _abandon(iterator: Iterator[object], steps: int) -> None:
    for _ in range(steps):
        next(iterator, None)
    if close := getattr(iterator, "close", None):
        close()


def _global_states() -> dict[str, bytes]:
    states = {"random": repr(random.getstate()).encode(), "numpy": repr(np.random.get_state()).encode()}
    if torch := sys.modules.get("torch"):
        states["torch"] = torch.get_rng_state().numpy().tobytes()
    return states
