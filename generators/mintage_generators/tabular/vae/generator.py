"""`tabular.vae`: rows decoded from normal numbers, by a network trained to encode and decode them."""

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
from mintage_generators.tabular.vae.config import VaeConfig
from mintage_generators.tabular.vae.decoding import Decoder


class VaeDocument(Document):
    """The model but for its arrays."""

    codec: CodecDocument
    pieces: int
    hidden: int
    latent: int
    record: dict[str, JsonValue]


@dataclass(frozen=True, slots=True)
class VaeModel(Model):
    """The codec and the decoder; the encoder is not kept."""

    determinism = Determinism.CONTENT

    codec: TableCodec
    document: VaeDocument
    decoder: Decoder

    @property
    def schema(self) -> DatasetSchema:
        """The one table."""
        return self.codec.dataset

    @property
    def fit_record(self) -> dict[str, object]:
        """Steps taken, losses, rows learned from, and what was protected."""
        return dict(self.document.record)

    def check(self, fixed: Mapping[str, Scalar], excluded: Mapping[str, tuple[Scalar, ...]]) -> None:
        """Raise `ConditionError` for values that are never made; any columns may be conditioned.

        Every row meets the conditions. How the other columns go with them is approximate: see `Decoder`.
        """
        self.codec.conditions(fixed, excluded)

    def sample(self, request: SampleRequest) -> Iterator[TableBatch]:
        """One batch of all rows."""
        conditions = self.codec.conditions(request.fixed, request.excluded)
        drawn = self.decoder.draw(request.rows, conditions, request.rng())
        yield TableBatch(self.codec.schema.name, self.codec.decode_varying(drawn, conditions, request))

    def save(self) -> dict[str, bytes]:
        """A JSON document and a safetensors file."""
        arrays = write_codec(self.codec)[1]
        weights = {f"network.{name}": value for name, value in self.decoder.weights.items()}
        return pack(self.document, {**arrays, **weights})


class VaeGenerator(Generator):
    """Learns a network that turns normal numbers into rows (TVAE: Xu et al. 2019)."""

    Config = VaeConfig
    config: VaeConfig

    def foresee(self, source: Source | None) -> DatasetSchema | None:
        """The source's own table, with plain types."""
        return foresee_table(source, self.config) if source is not None else None

    def fit(self, source: Source | None, context: FitContext) -> VaeModel:
        """One pass over the source for the codec, then training until the held-out loss stops falling."""
        if source is None:
            raise SourceError("tabular.vae learns from a source, and there is none", "name a source")
        from mintage_generators.tabular.learning.loop import learn
        from mintage_generators.tabular.learning.randomness import torch_session
        from mintage_generators.tabular.vae.network import VaeLearner, VaeNetwork

        config, rng = self.config, context.rng()
        fitted = fit_table(source, config, rng, functions=False)
        pieces = Pieces.of(fitted.codec, config.pieces)
        rows = pieces.encode(fitted.rows, fitted.tokens, rng)
        with torch_session(context):
            network = VaeNetwork(pieces.sizes, config.hidden, config.latent)
        learner = VaeLearner(pieces, network, config.reconstruction)
        learned = learn(learner, rows, config=config.learning(), context=context)
        document = VaeDocument.model_validate(
            {
                "codec": write_codec(fitted.codec)[0],
                "record": {**fitted.record, **learned.facts},
                **{name: getattr(config, name) for name in ("pieces", "hidden", "latent")},
            }
        )
        kept = {name: value for name, value in learned.weights.items() if not name.startswith("encoder.")}
        return VaeModel(fitted.codec, document, Decoder(pieces, kept).calibrated(rng))

    @classmethod
    def load(cls, files: Mapping[str, bytes]) -> VaeModel:
        """The model from its two files."""
        document, arrays = unpack(files, VaeDocument)
        codec = read_codec(document.codec, arrays)
        if not (2 <= document.pieces <= 256 and 0 < document.hidden <= 4096 and 0 < document.latent <= 1024):
            raise damaged("its sizes are out of range")
        pieces = Pieces.of(codec, document.pieces)
        return VaeModel(codec, document, Decoder(pieces, _weights(pieces, document, arrays)))


def _weights(pieces: Pieces, document: VaeDocument, arrays: Arrays) -> dict[str, np.ndarray]:
    columns, hidden = len(pieces.columns), document.hidden
    widths = {0: (hidden, document.latent), 2: (hidden, hidden), 4: (sum(pieces.sizes) + columns, hidden)}
    shapes: dict[str, tuple[int, ...]] = {"log_spread": (columns,)}
    for layer, (outputs, inputs) in widths.items():
        shapes |= {f"decoder.{layer}.weight": (outputs, inputs), f"decoder.{layer}.bias": (outputs,)}
    weights = {name: arrays.get(f"network.{name}", np.float32, shape) for name, shape in shapes.items()}
    for name, value in weights.items():
        if not np.isfinite(value).all():
            raise damaged(f"the array {name!r} holds values that are no numbers")
    return weights
