"""Options of the diffusion generator."""

from __future__ import annotations

from pydantic import Field

from mintage_generators.tabular.codec import CodecConfig
from mintage_generators.tabular.learning import LearningOptions


class DiffusionConfig(CodecConfig, LearningOptions):
    """How long and how wide to learn, and how finely to draw."""

    width: int = Field(default=384, ge=8, le=4096, description="Units of each layer of the flow.")
    depth: int = Field(default=3, ge=1, le=16, description="Blocks of two layers of the flow.")
    flow_steps: int = Field(
        default=16,
        ge=1,
        le=1000,
        description="Steps from noise to numbers when rows are drawn; the network is asked twice in each.",
    )
