"""Options of the variational autoencoder."""

from __future__ import annotations

from pydantic import Field

from mintage_generators.tabular.codec import CodecConfig
from mintage_generators.tabular.learning import LearningOptions


class VaeConfig(CodecConfig, LearningOptions):
    """Sizes of the network, and how closely it has to copy."""

    pieces: int = Field(
        default=32,
        ge=2,
        le=256,
        description="Pieces into which a column of more values is cut; the place within one is a number.",
    )
    hidden: int = Field(default=256, ge=8, le=4096, description="Width of the two hidden layers.")
    latent: int = Field(default=64, ge=1, le=1024, description="Numbers that stand for a row.")
    reconstruction: float = Field(
        default=2.0,
        gt=0.0,
        le=100.0,
        description="Weight of copying a row against keeping its numbers normal.",
    )
