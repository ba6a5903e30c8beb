"""Options of the marginals generator."""

from __future__ import annotations

from mintage_generators.tabular.codec import CodecConfig


class MarginalsConfig(CodecConfig):
    """Nothing beyond the codec's own options."""
