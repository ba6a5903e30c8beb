"""Every generator that comes with Mintage keeps the contract that a third party's has to keep."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from mintage.testing import GENERATOR_CHECKS, GeneratorCase, GeneratorCheck, memory_source
from mintage_generators.tabular.auto.generator import AutoGenerator
from mintage_generators.tabular.autoregressive.generator import AutoregressiveGenerator
from mintage_generators.tabular.copula.generator import CopulaGenerator
from mintage_generators.tabular.diffusion.generator import DiffusionGenerator
from mintage_generators.tabular.dp_marginals.generator import DpMarginalsGenerator
from mintage_generators.tabular.gan.generator import GanGenerator
from mintage_generators.tabular.marginals.generator import MarginalsGenerator
from mintage_generators.tabular.segments.generator import SegmentsGenerator
from mintage_generators.tabular.vae.generator import VaeGenerator

ROWS = 600


def mixed() -> pa.Table:
    """A column of each kind that tables have: nulls, point masses, a constant, a function of another."""
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 4, ROWS)
    nulls = rng.random(ROWS) < 0.15
    prices = [f"{cents // 100}.{cents % 100:02}" for cents in rng.integers(0, 10_000, ROWS)]
    seconds = pa.array(rng.integers(0, 10**9, ROWS))
    share = np.where(rng.random(ROWS) < 0.3, 0.0, rng.normal(size=ROWS))
    share[rng.random(ROWS) < 0.05] = np.nan
    return pa.table(
        {
            "carrier": pa.array(["UA", "B6", "é☃", ""]).take(pa.array(codes)),
            "name of carrier": pa.array(["United", "JetBlue", "Snow", "none"]).take(pa.array(codes)),
            "delay": pa.array(rng.integers(-30, 600, ROWS), mask=nulls),
            "small": pa.array(rng.integers(0, 200, ROWS).astype(np.uint8)),
            "share": pa.array(share, mask=rng.random(ROWS) < 0.1),
            "price": pa.array(prices).cast(pa.decimal128(12, 2)),
            "late": pa.array(rng.random(ROWS) < 0.4, mask=nulls),
            "day": pa.array(rng.integers(15_000, 16_000, ROWS).astype(np.int32)).cast(pa.date32()),
            "seen": seconds.cast(pa.timestamp("s")).cast(pa.timestamp("us")),
            "seen_utc": seconds.cast(pa.timestamp("s", "UTC")).cast(pa.timestamp("ms", "UTC")),
            "took": seconds.cast(pa.duration("s")),
            "clock": pa.array(rng.integers(0, 86_400, ROWS).astype(np.int32)).cast(pa.time32("s")),
            "year": pa.array(np.full(ROWS, 2013, np.int16)),
            "nothing": pa.nulls(ROWS, pa.string()),
        }
    )


CASES = {
    "gan": GeneratorCase(
        generator=GanGenerator,
        config=GanGenerator.Config.model_validate({"max_steps": 5, "batch_rows": 40, "hidden": 16}),
        source=memory_source(mixed()),
        fixed={"carrier": "UA"},
    ),
    "vae": GeneratorCase(
        generator=VaeGenerator,
        config=VaeGenerator.Config.model_validate({"max_steps": 20, "batch_rows": 64, "hidden": 16}),
        source=memory_source(mixed()),
        fixed={"carrier": "UA", "late": None},
        excluded={"day": (None,), "small": (7, 8)},
    ),
    "copula": GeneratorCase(
        generator=CopulaGenerator,
        config=CopulaGenerator.Config.model_validate({"sweeps": 2}),
        source=memory_source(mixed()),
        fixed={"carrier": "UA", "late": None},
        excluded={"day": (None,), "small": (7, 8)},
    ),
    "marginals": GeneratorCase(
        generator=MarginalsGenerator,
        config=MarginalsGenerator.Config.model_validate({}),
        source=memory_source(mixed()),
        fixed={"carrier": "UA", "late": None},
        excluded={"day": (None,), "small": (7, 8)},
    ),
    "segments": GeneratorCase(
        generator=SegmentsGenerator,
        config=SegmentsGenerator.Config.model_validate(
            {"column": "carrier", "min_rows": 145, "generator": {"kind": "tabular.marginals"}}
        ),
        source=memory_source(mixed()),
        fixed={"carrier": "UA", "late": None},
        excluded={"day": (None,), "small": (7, 8)},
    ),
    "auto": GeneratorCase(
        generator=AutoGenerator,
        config=AutoGenerator.Config.model_validate(
            {
                "max_steps": 20,
                "candidates": [
                    {"kind": "tabular.marginals"},
                    {"kind": "tabular.autoregressive", "batch_rows": 64, "hidden": 16, "embedding": 4},
                ],
            }
        ),
        source=memory_source(mixed()),
        fixed={"carrier": "UA", "late": None},
        excluded={"day": (None,), "small": (7, 8)},
    ),
    "diffusion": GeneratorCase(
        generator=DiffusionGenerator,
        config=DiffusionGenerator.Config.model_validate(
            {"max_steps": 30, "batch_rows": 64, "width": 16, "depth": 1, "flow_steps": 2}
        ),
        source=memory_source(mixed()),
        fixed={"carrier": "UA", "late": None},
        excluded={"day": (None,), "small": (7, 8)},
    ),
    "dp_marginals": GeneratorCase(
        generator=DpMarginalsGenerator,
        config=DpMarginalsGenerator.Config.model_validate(
            {"privacy": {"epsilon": 50, "delta": 1e-5, "noise": "seed"}, "rounds": 1}
        ),
        source=memory_source(mixed()),
        fixed={"carrier": "UA", "late": None},
        excluded={"day": (None,), "small": (7, 8)},
    ),
    "autoregressive": GeneratorCase(
        generator=AutoregressiveGenerator,
        config=AutoregressiveGenerator.Config.model_validate(
            {"max_steps": 30, "max_seconds": None, "batch_rows": 64, "hidden": 16, "embedding": 4}
        ),
        source=memory_source(mixed()),
        fixed={"carrier": "UA", "late": None},
        excluded={"day": (None,), "small": (7, 8)},
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
@pytest.mark.parametrize("check", GENERATOR_CHECKS)
def test_a_generator_conforms(case: GeneratorCase, check: GeneratorCheck) -> None:
    check(case)
