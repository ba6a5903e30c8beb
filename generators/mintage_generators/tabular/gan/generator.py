"""`tabular.gan`: rows made from noise, by a network trained against one that tells them from real rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

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
    Pieces,
    TableCodec,
    damaged,
    fit_table,
    foresee_table,
    pack,
    read_codec,
    unpack,
    write_codec,
)
from mintage_generators.tabular.gan.config import GanConfig
from mintage_generators.tabular.gan.making import Maker
from mintage_generators.tabular.gan.wishes import Wishes


class GanDocument(Document):
    """The model but for its arrays."""

    codec: CodecDocument
    pieces: int
    hidden: int
    noise: int
    record: dict[str, JsonValue]


@dataclass(frozen=True, slots=True)
class GanModel(Model):
    """The codec and the maker; the judge is not kept."""

    determinism = Determinism.CONTENT

    codec: TableCodec
    document: GanDocument
    maker: Maker

    @property
    def schema(self) -> DatasetSchema:
        """The one table."""
        return self.codec.dataset

    @property
    def fit_record(self) -> dict[str, object]:
        """Steps taken, losses, rows learned from, and what was protected."""
        return dict(self.document.record)

    def check(self, fixed: Mapping[str, Scalar], excluded: Mapping[str, tuple[Scalar, ...]]) -> None:
        """Raise `ConditionError` for values never made, and for conditions on more than one listed column.

        The maker is wished the value and the value is written; how the other columns go with it is learned.
        """
        self.maker.check(self.codec.conditions(fixed, excluded))

    def sample(self, request: SampleRequest) -> Iterator[TableBatch]:
        """One batch of all rows."""
        conditions = self.codec.conditions(request.fixed, request.excluded)
        drawn = self.maker.draw(request.rows, conditions, request.rng())
        yield TableBatch(self.codec.schema.name, self.codec.decode_varying(drawn, conditions, request))

    def save(self) -> dict[str, bytes]:
        """A JSON document and a safetensors file."""
        arrays = write_codec(self.codec)[1]
        weights = {f"network.{name}": value for name, value in self.maker.weights.items()}
        return pack(self.document, {**arrays, **weights})


class GanGenerator(Generator):
    """Learns a network that makes rows of noise, and of a wish for one value (CTGAN: Xu et al. 2019)."""

    Config = GanConfig
    config: GanConfig

    def foresee(self, source: Source | None) -> DatasetSchema | None:
        """The source's own table, with plain types."""
        return foresee_table(source, self.config) if source is not None else None

    def fit(self, source: Source | None, context: FitContext) -> GanModel:
        """One pass over the source for the codec, then training for as many steps as are allowed."""
        if source is None:
            raise SourceError("tabular.gan learns from a source, and there is none", "name a source")
        from mintage_generators.tabular.gan.training import train

        config, rng = self.config, context.rng()
        fitted = fit_table(source, config, rng, functions=False)
        pieces = Pieces.of(fitted.codec, config.pieces)
        rows = pieces.encode(fitted.rows, fitted.tokens, rng)
        weights, facts = train(pieces, rows, config, context)
        document = GanDocument.model_validate(
            {
                "codec": write_codec(fitted.codec)[0],
                "record": {**fitted.record, **facts},
                **{name: getattr(config, name) for name in ("pieces", "hidden", "noise")},
            }
        )
        return GanModel(fitted.codec, document, Maker(pieces, weights, config.noise).calibrated(rng))

    @classmethod
    def load(cls, files: Mapping[str, bytes]) -> GanModel:
        """The model from its two files."""
        document, arrays = unpack(files, GanDocument)
        codec = read_codec(document.codec, arrays)
        if not (2 <= document.pieces <= 256 and 0 < document.hidden <= 4096 and 0 < document.noise <= 1024):
            raise damaged("its sizes are out of range")
        pieces = Pieces.of(codec, document.pieces)
        return GanModel(codec, document, Maker(pieces, _weights(pieces, document, arrays), document.noise))


def _weights(pieces: Pieces, document: GanDocument, arrays: Arrays) -> dict[str, np.ndarray]:
    columns, hidden = len(pieces.columns), document.hidden
    inputs = document.noise + Wishes(pieces).width
    widths = {"first.linear": (hidden, inputs), "second.linear": (hidden, inputs + hidden)}
    widths["last"] = (sum(pieces.sizes) + columns, inputs + 2 * hidden)
    shapes: dict[str, tuple[int, ...]] = {}
    for name, (outputs, width) in widths.items():
        shapes |= {f"{name}.weight": (outputs, width), f"{name}.bias": (outputs,)}
    for name in ("weight", "bias", "running_mean", "running_var"):
        shapes |= {f"{layer}.norm.{name}": (hidden,) for layer in ("first", "second")}
    weights = {name: arrays.get(f"network.{name}", np.float32, shape) for name, shape in shapes.items()}
    for name, value in weights.items():
        if not np.isfinite(value).all():
            raise damaged(f"the array {name!r} holds values that are no numbers")
    return weights
