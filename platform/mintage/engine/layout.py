"""Where a run puts its model, its attempts and its commits."""

from __future__ import annotations

import re

from mintage.provenance.layout import COMMITS, DATA, PLAN, PLANS, REJECTS, SKETCHES, commit_path, plan_path

MODEL = "_mintage/model/model.json"
"""The pointer to the model of the first plan."""

MODELS = "_mintage/model/"
CHECKPOINTS = "_mintage/checkpoints/"

_LATER_MODEL = re.compile(rf"{MODELS}model-[0-9a-f]{{16}}\.json")
_COMMIT = re.compile(r"_mintage/commits/(\d{6,})\.json")


def part_path(table: str, shard: int, attempt: str, suffix: str) -> str:
    """The part that an attempt writes; only a commit record makes it visible."""
    return f"{DATA}{table}/part-{shard:06d}-{attempt}{suffix}"


def rejects_path(table: str, shard: int, attempt: str) -> str:
    """The rejected rows of an attempt, when they are kept."""
    return f"{REJECTS}{table}/part-{shard:06d}-{attempt}.parquet"


def sketch_path(table: str, shard: int, attempt: str) -> str:
    """What an attempt counted of its rows; only a commit record makes it count."""
    return f"{SKETCHES}{table}/part-{shard:06d}-{attempt}.bin"


def committed_shard(path: str) -> int | None:
    """The shard whose commit record lies at `path`; None for any other object."""
    match = _COMMIT.fullmatch(path)
    return int(match[1]) if match else None


def model_path(digest: str, name: str) -> str:
    """A file of the model with that digest (`sha256:<hex>`)."""
    return f"_mintage/model/{digest.removeprefix('sha256:')[:16]}/{name}"


def later_model(fit_id: str) -> str:
    """The pointer to a model that was fitted for a later plan: one for each fit, so that fits are reused."""
    return f"{MODELS}model-{fit_id[:16]}.json"


def is_model_pointer(path: str) -> bool:
    """Whether a pointer to a model lies at `path`."""
    return path == MODEL or _LATER_MODEL.fullmatch(path) is not None


def prepared_path(digest: str) -> str:
    """What an operator prepared, by its digest (`sha256:<hex>`)."""
    return f"_mintage/prepared/{digest.removeprefix('sha256:')}.bin"


__all__ = [
    "CHECKPOINTS",
    "COMMITS",
    "DATA",
    "MODEL",
    "MODELS",
    "PLAN",
    "PLANS",
    "commit_path",
    "committed_shard",
    "is_model_pointer",
    "later_model",
    "model_path",
    "part_path",
    "plan_path",
    "prepared_path",
    "rejects_path",
    "sketch_path",
]
