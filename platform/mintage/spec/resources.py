"""On what a job runs: how many workers, of what size, on which nodes of a cluster. Changes no row."""

from __future__ import annotations

import re
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from mintage.spec._base import Real, SpecModel, Whole
from mintage.spec._problems import problem

MAX_LABELS = 32
"""Labels that one choice of nodes may ask for."""
MAX_PLACES = 8
"""Choices of nodes besides the first one."""

ACCELERATOR = "ray.io/accelerator-type"
MARKET = "ray.io/market-type"

# The syntax of labels in Kubernetes, and of their selectors in Ray.
_NAME = r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
_KEY = re.compile(rf"([A-Za-z0-9]([A-Za-z0-9.-]{{0,251}}[A-Za-z0-9])?/)?{_NAME}")
_VALUE = re.compile(rf"!?({_NAME}|in\({_NAME}(, ?{_NAME})*\))")


class PlaceSpec(SpecModel):
    """Which nodes of a cluster may have workers."""

    labels: dict[str, str] = Field(
        default_factory=dict,
        max_length=MAX_LABELS,
        description="Labels of nodes: key to value, !value, in(value, value) or !in(value, value).",
    )
    accelerator: str | None = Field(
        default=None,
        min_length=1,
        max_length=63,
        description="Kind of GPU, such as H100: the label ray.io/accelerator-type of nodes.",
    )
    market: Literal["any", "spot", "on-demand"] = Field(
        default="any",
        description="Whether nodes may be taken away at short notice: the label ray.io/market-type of nodes.",
    )

    @property
    def selector(self) -> dict[str, str]:
        """The same as one label selector of Ray."""
        chosen = dict(self.labels)
        if self.accelerator is not None:
            chosen[ACCELERATOR] = self.accelerator
        if self.market != "any":
            chosen[MARKET] = self.market
        return chosen

    @field_validator("labels")
    @classmethod
    def _labels_are_selectors(cls, labels: dict[str, str]) -> dict[str, str]:
        for key, value in labels.items():
            if not _KEY.fullmatch(key):
                raise problem(
                    "is no label of a node",
                    path=key,
                    todo="a name of at most 63 letters, digits, '-', '_' and '.', a prefix/ before it or not",
                )
            if not _VALUE.fullmatch(value):
                raise problem(
                    "must choose values of a label",
                    path=key,
                    value=value,
                    todo="write value, !value, in(value, value) or !in(value, value)",
                )
        return labels

    @field_validator("accelerator")
    @classmethod
    def _accelerator_is_a_label(cls, accelerator: str | None) -> str | None:
        if accelerator is not None and not _VALUE.fullmatch(accelerator):
            raise problem(
                "must be a value of the label ray.io/accelerator-type",
                value=accelerator,
                todo="such as H100, or in(H100, H200)",
            )
        return accelerator

    @model_validator(mode="after")
    def _said_once(self) -> Self:
        for name, key, said in (
            ("accelerator", ACCELERATOR, self.accelerator is not None),
            ("market", MARKET, self.market != "any"),
        ):
            if said and key in self.labels:
                raise problem(f"says the same as labels.{key}", path=name, todo="remove one of the two")
        return self


class ResourcesSpec(PlaceSpec):
    """On what the job runs; changes its speed, never its rows, once there is a model."""

    workers: Whole | None = Field(
        default=None,
        ge=1,
        le=100_000,
        description="Workers at most; null for one for each CPU, or for each share of a GPU, of this machine "
        "or of the cluster's nodes that are there.",
    )
    executor: Literal["auto", "inline", "ray"] = Field(
        default="auto",
        description="auto: chosen by the job's size. inline: in this process. ray: on a Ray cluster.",
    )
    address: str | None = Field(
        default=None,
        min_length=1,
        description="Address of a Ray cluster, such as ray://head:10001; null starts a local one.",
    )
    cpus_per_worker: Real = Field(
        default=0.5, gt=0, le=1024, description="CPUs that Ray reserves for a worker."
    )
    gpus_per_worker: Real = Field(
        default=0.0,
        ge=0,
        le=64,
        description="GPUs that Ray reserves for a worker: a share of one, such as 0.25, or a whole number.",
    )
    fallback: tuple[PlaceSpec, ...] = Field(
        default=(),
        max_length=MAX_PLACES,
        description="Other choices of nodes, in order, for when no node of the first choice has room. Each "
        "is complete: what it does not name is not asked for.",
    )
    patience_seconds: Real = Field(
        default=3600.0,
        gt=0,
        le=30 * 86_400,
        description="Seconds without any worker, after which the job gives up.",
    )
    in_flight: Whole = Field(default=2, ge=1, le=64, description="Shards that a worker has at once.")
    fit_workers: Whole = Field(
        default=1,
        ge=1,
        le=1024,
        description="Processes that train one model together on Ray, each with a GPU of its own where the "
        "cluster has so many. Another number gives another model, as good.",
    )
    fit_device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto",
        description="auto: the model is trained on a GPU where there is one. cpu, cuda: there or not at all.",
    )
    checkpoint_seconds: Real = Field(
        default=60.0,
        gt=0,
        le=86_400,
        description="Seconds between two checkpoints of a fit, from which it goes on when it was killed.",
    )

    @property
    def places(self) -> tuple[dict[str, str], ...]:
        """The choices of nodes, in order, as label selectors of Ray; none when every node is as good."""
        if not self.selector:
            return ()
        return (self.selector, *(place.selector for place in self.fallback))

    @model_validator(mode="after")
    def _inline_has_no_cluster(self) -> Self:
        for name, value, alone in (
            ("address", self.address, None),
            ("fit_workers", self.fit_workers, 1),
            ("labels", self.labels, {}),
            ("accelerator", self.accelerator, None),
            ("market", self.market, "any"),
            ("fallback", self.fallback, ()),
        ):
            if self.executor == "inline" and value != alone:
                raise problem(
                    "has no meaning with executor inline",
                    path=name,
                    value=value,
                    todo="remove one of the two",
                )
        return self

    @model_validator(mode="after")
    def _fallback_of_something(self) -> Self:
        if self.fallback and not self.selector:
            raise problem(
                "is there, but no first choice that it falls back from",
                path="fallback",
                todo="name labels, accelerator or market beside it",
            )
        return self

    @model_validator(mode="after")
    def _gpus_make_sense(self) -> Self:
        gpus = self.gpus_per_worker
        if gpus > 1 and not float(gpus).is_integer():
            raise problem(
                "must be a share of one GPU or a whole number",
                path="gpus_per_worker",
                value=gpus,
                todo="Ray gives a worker a share of one GPU, or whole ones",
            )
        places: list[tuple[str, PlaceSpec]] = [("accelerator", self)]
        places += [(f"fallback[{at}].accelerator", place) for at, place in enumerate(self.fallback)]
        for path, place in places:
            if place.accelerator is not None and gpus == 0:
                raise problem(
                    "asks for a kind of GPU, but gpus_per_worker is 0",
                    path=path,
                    value=place.accelerator,
                    todo="set gpus_per_worker, such as 1 or 0.25",
                )
        return self
