"""The conformance suite for generators.

One line in a test suite of any plugin:

    check_generator(OrdersGenerator, OrdersConfig(), source=None)

or one test for each property:

    CASE = GeneratorCase(generator=OrdersGenerator, config=OrdersConfig())

    @pytest.mark.parametrize("check", GENERATOR_CHECKS)
    def test_conformance(check: GeneratorCheck) -> None:
        check(CASE)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from mintage.contracts import Generator, GeneratorConfig, Scalar, Source
from mintage.testing._condition_checks import meets_its_conditions
from mintage.testing._configs import check_config
from mintage.testing._purity_checks import (
    differs_by_seed,
    keeps_shards_apart,
    leaves_global_randomness_alone,
    repeats_a_request,
    repeats_in_a_fresh_process,
    survives_an_early_stop,
)
from mintage.testing._row_checks import keeps_its_keys, meets_its_schema
from mintage.testing._running import run_checks
from mintage.testing._saving_checks import (
    refits_the_same,
    refuses_foreign_files,
    saves_without_pickle,
    survives_saving,
)
from mintage.testing.generator_case import GeneratorCase

GeneratorCheck = Callable[[GeneratorCase], None]
"""One property of a generator: raises `ConformanceError` when it does not hold."""


def declares_its_config(case: GeneratorCase) -> None:
    """The config class is frozen, forbids unknown keys, describes each field, and survives JSON."""
    check_config(case.generator, case.generator.Config, GeneratorConfig, case.config)


GENERATOR_CHECKS: tuple[GeneratorCheck, ...] = (
    declares_its_config,
    meets_its_schema,
    keeps_its_keys,
    repeats_a_request,
    survives_an_early_stop,
    leaves_global_randomness_alone,
    differs_by_seed,
    keeps_shards_apart,
    meets_its_conditions,
    saves_without_pickle,
    survives_saving,
    refuses_foreign_files,
    repeats_in_a_fresh_process,
    refits_the_same,
)
"""Every property that the platform relies on; the names of the functions name the tests."""


def check_generator(
    generator: type[Generator],
    config: GeneratorConfig,
    source: Source | None = None,
    *,
    fixed: Mapping[str, Scalar] | None = None,
    excluded: Mapping[str, tuple[Scalar, ...]] | None = None,
    refit: bool = True,
) -> None:
    """Run all checks; raises `ConformanceError` for the first property that does not hold.

    `fixed` and `excluded` are conditions that the model has to accept. `refit=False` is for
    configs whose fit stops by the clock.
    """
    case = GeneratorCase(generator=generator, config=config, source=source, refit=refit)
    run_checks(GENERATOR_CHECKS, replace(case, fixed=fixed or {}, excluded=excluded or {}))
