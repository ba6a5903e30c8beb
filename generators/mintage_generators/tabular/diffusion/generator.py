"""`tabular.diffusion`: tokens by masked diffusion, numbers by a flow from noise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import JsonValue

from mintage.contracts import (
    DatasetSchema,
    Determinism,
    FitContext,
    Generator,
    Model,
    SampleRequest,
    Scalar,
    Source,
    TableBatch,
)
from mintage.errors import SourceError
from mintage_generators.tabular.codec import (
    Arrays,
    CodecDocument,
    Document,
    TableCodec,
    damaged,
    fit_table,
    foresee_table,
    pack,
    read_codec,
    unpack,
    write_codec,
)
from mintage_generators.tabular.diffusion.config import DiffusionConfig
from mintage_generators.tabular.diffusion.layout import Layout, lay_out

if TYPE_CHECKING:
    from mintage_generators.tabular.diffusion.drawing import Drawer

MAX_COLUMNS = 500
"""Columns that the network takes; the first layers grow with their number."""


class DiffusionDocument(Document):
    """The model but for its arrays. `products` is the type in which matrices are multiplied."""

    codec: CodecDocument
    width: int
    depth: int
    flow_steps: int
    products: Literal["float32", "bfloat16"]
    record: dict[str, JsonValue]


@dataclass(slots=True)
class DiffusionModel(Model):
    """Codec and weights; what draws is built at the first draw."""

    determinism = Determinism.CONTENT

    codec: TableCodec
    document: DiffusionDocument
    weights: dict[str, np.ndarray]
    _layout: Layout = field(init=False, repr=False)
    _drawer: Drawer | None = field(init=False, repr=False, default=None)

    def __post_init__(self) -> None:
        self._layout = lay_out(self.codec)

    @property
    def schema(self) -> DatasetSchema:
        """The one table."""
        return self.codec.dataset

    @property
    def fit_record(self) -> dict[str, object]:
        """Steps taken, the learning curve, rows learned from, what was protected, functions kept."""
        return dict(self.document.record)

    def check(self, fixed: Mapping[str, Scalar], excluded: Mapping[str, tuple[Scalar, ...]]) -> None:
        """Raise `ConditionError` for values that are never made."""
        self.codec.conditions(fixed, excluded)

    def sample(self, request: SampleRequest) -> Iterator[TableBatch]:
        """One batch of all rows; conditions hold exactly, the rest is drawn given them."""
        from mintage_generators.tabular.diffusion.drawing import Noise

        conditions = self.codec.conditions(request.fixed, request.excluded)
        tokens, draws = self._draws().draw(conditions, Noise.of(self._layout, request.rows, request.rng()))
        yield TableBatch(self.codec.schema.name, self.codec.decode(tokens, draws, conditions, request))

    def save(self) -> dict[str, bytes]:
        """A JSON document and a safetensors file."""
        _, arrays = write_codec(self.codec)
        arrays |= {f"network.{name}": value for name, value in self.weights.items()}
        return pack(self.document, arrays)

    def _draws(self) -> Drawer:
        from mintage_generators.tabular.diffusion.drawing import Drawer
        from mintage_generators.tabular.diffusion.network import Network

        if self._drawer is None:
            own = self.document
            network = Network.of(self._layout, self.weights, width=own.width, depth=own.depth)
            self._drawer = Drawer(
                self.codec, self._layout, network, mixed=own.products == "bfloat16", steps=own.flow_steps
            )
        return self._drawer


class DiffusionGenerator(Generator):
    """Learns the tokens of a row one given others, and its numbers all together given the tokens."""

    Config = DiffusionConfig
    config: DiffusionConfig

    def foresee(self, source: Source | None) -> DatasetSchema | None:
        """The source's own table, with plain types."""
        return foresee_table(source, self.config) if source is not None else None

    def fit(self, source: Source | None, context: FitContext) -> DiffusionModel:
        """One pass over the source for the codec, then training until the held-out loss stops falling."""
        if source is None:
            raise SourceError("tabular.diffusion learns from a source, and there is none", "name one")
        columns = len(foresee_table(source, self.config).root_table.columns)
        if columns > MAX_COLUMNS:
            raise SourceError(
                f"the source has {columns} columns; tabular.diffusion takes at most {MAX_COLUMNS}",
                "leave columns out, or use tabular.marginals, which has no such limit",
            )
        from mintage_generators.tabular.diffusion.rows import learned_rows
        from mintage_generators.tabular.diffusion.training import train
        from mintage_generators.tabular.learning.hardware import products

        rng = context.rng()
        fitted = fit_table(source, self.config, rng, functions=True)
        layout = lay_out(fitted.codec)
        with learned_rows(source, fitted, layout, self.config, rng) as rows:
            weights, facts = train(layout, rows, config=self.config, context=context)
        document = DiffusionDocument.model_validate(
            {
                "codec": write_codec(fitted.codec)[0],
                "width": self.config.width,
                "depth": self.config.depth,
                "flow_steps": self.config.flow_steps,
                "products": products(),
                "record": {**fitted.record, **facts},
            }
        )
        return DiffusionModel(fitted.codec, document, weights)

    @classmethod
    def warm_up(cls) -> None:
        """Load torch, which takes seconds."""
        import_module("mintage_generators.tabular.diffusion.drawing")

    @classmethod
    def load(cls, files: Mapping[str, bytes]) -> DiffusionModel:
        """The model from its two files."""
        document, arrays = unpack(files, DiffusionDocument)
        codec = read_codec(document.codec, arrays)
        if not (
            8 <= document.width <= 4096 and 1 <= document.depth <= 16 and 1 <= document.flow_steps <= 1000
        ):
            raise damaged("its sizes are out of range")
        layout = lay_out(codec)
        return DiffusionModel(codec, document, _weights(layout, document, arrays))


def _weights(layout: Layout, document: DiffusionDocument, arrays: Arrays) -> dict[str, np.ndarray]:
    shapes = layout.shapes(document.width, document.depth)
    weights = {name: arrays.get(f"network.{name}", np.float32, shape) for name, shape in shapes.items()}
    for name, value in weights.items():
        if not np.isfinite(value).all():
            raise damaged(f"the array {name!r} holds values that are no numbers")
    return weights
