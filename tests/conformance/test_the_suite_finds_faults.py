"""The generator checks let a sound generator pass, and each fault fails the check that is about it."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import pyarrow as pa
import pytest

from mintage.contracts import Generator
from mintage.testing import GENERATOR_CHECKS, ConformanceError, GeneratorCase, GeneratorCheck, check_generator
from mintage.testing._drawing import draw
from mintage.testing._fresh import answer

sys.path.insert(0, str(Path(__file__).parent / "faulty"))
faulty = import_module("faulty_generators")

CHECKS = {check.__name__: check for check in GENERATOR_CHECKS}
FAULTS = [
    ("repeats_a_request", faulty.UsesTheClock, "asked twice: parents.word, row"),
    ("repeats_a_request", faulty.SharesItsStream, "another request under way: children.amount"),
    ("repeats_a_request", faulty.CountsItsRequests, "asked twice: parents.amount, row 0"),
    ("repeats_in_a_fresh_process", faulty.FollowsTheOrderOfASet, "in a fresh process: parents.word"),
    ("repeats_in_a_fresh_process", faulty.hidden(), "cannot be imported by name"),
    ("survives_an_early_stop", faulty.RemembersAnOpenIterator, "after a stop at batch 1: parents.amount"),
    ("leaves_global_randomness_alone", faulty.SeedsTheWholeProcess, r"\['numpy'\]"),
    ("differs_by_seed", faulty.IgnoresTheSeed, "the same rows for .seed 0, .* and .seed 1,"),
    ("keeps_shards_apart", faulty.AddsSeedAndShard, "the same rows for"),
    ("keeps_shards_apart", faulty.IgnoresTheBatch, "batch 0. and .seed 7, shard 0, batch 1"),
    ("keeps_shards_apart", faulty.RemembersItsFirstShard, "alone, then after shards 0 to 2"),
    ("meets_its_schema", faulty.MakesTooFewRows, "601 rows of 'parents' were asked for, 256 were made"),
    ("meets_its_schema", faulty.MakesAnotherType, "but the schema says"),
    ("meets_its_schema", faulty.MakesNulls, "parents.amount is not nullable, but 1 of 1"),
    ("meets_its_schema", faulty.AddsMetadata, "made: 'today'"),
    ("meets_its_schema", faulty.MakesAnUnknownTable, "'cousins'"),
    ("keeps_its_keys", faulty.MakesChildrenFirst, "did not come before it"),
    ("keeps_its_keys", faulty.PointsToNobody, r"did not come before it: \[\(200,\)\]"),
    ("keeps_its_keys", faulty.NumbersEveryRequestFromZero, "more than once"),
    ("keeps_its_keys", faulty.CutsItsKeysTo32Bits, "more than once"),
    ("meets_its_conditions", faulty.AcceptsAndIgnoresConditions, "although the model accepted"),
    ("meets_its_conditions", faulty.StumblesOverConditions, "raised KeyError instead of ConditionError"),
    ("meets_its_conditions", faulty.StumblesOverWhatItAccepted, "sampling raised ValueError"),
    ("meets_its_conditions", faulty.RefusesEveryCondition, "which the case says it accepts"),
    ("saves_without_pickle", faulty.SavesAPickle, "neither .json nor .safetensors"),
    ("saves_without_pickle", faulty.SavesAPickleCalledJson, "is not what its name says"),
    ("saves_without_pickle", faulty.HidesAPickleInATensor, "holds a pickle"),
    ("saves_without_pickle", faulty.HidesAPickleInText, "holds a pickle"),
    ("saves_without_pickle", faulty.SavesOutsideItsFolder, "no plain relative path"),
    ("survives_saving", faulty.ForgetsWhenLoaded, "before saving, then after loading: parents.word"),
    ("saves_without_pickle", faulty.HidesAnArchiveInATensor, "holds a pickle or an archive"),
    ("survives_saving", faulty.StatesWhatIsNotJson, "the fit record is not JSON"),
    ("survives_saving", faulty.LosesItsFacts, "'steps': 10"),
    ("refuses_foreign_files", faulty.LoadsAnything, "no files: loaded as if nothing were wrong"),
    ("refuses_foreign_files", faulty.LetsForeignErrorsOut, "no files: KeyError instead of FitError"),
    ("refuses_foreign_files", faulty.Unpickles, "with a pickle: loading executed a pickle"),
    ("refits_the_same", faulty.FitsByChance, r"fitted twice: other bytes in \['model.json'\]"),
    ("declares_its_config", faulty.HasAnOpenConfig, "accepts unknown keys"),
    ("declares_its_config", faulty.HasAChangeableConfig, "is not frozen"),
    ("declares_its_config", faulty.HasASilentConfig, r"without a description: \['depth'\]"),
]


def case_of(generator: type[Generator]) -> GeneratorCase:
    return GeneratorCase(
        generator=generator, config=generator.Config(), fixed={"word": "blue"}, excluded={"word": ("dun",)}
    )


@pytest.mark.parametrize("check", GENERATOR_CHECKS)
def test_a_sound_generator_passes(check: GeneratorCheck) -> None:
    check(case_of(faulty.Sound))


@pytest.mark.parametrize(
    ("check", "generator", "evidence"), FAULTS, ids=[fault[1].__name__ for fault in FAULTS]
)
def test_a_fault_is_found_with_evidence(check: str, generator: type[Generator], evidence: str) -> None:
    with pytest.raises(ConformanceError, match=evidence):
        CHECKS[check](case_of(generator))


def test_no_check_is_without_a_fault_that_it_finds() -> None:
    assert {check for check, _, _ in FAULTS} == set(CHECKS)


def test_numbers_that_only_begin_like_a_pickle_pass() -> None:
    CHECKS["saves_without_pickle"](case_of(faulty.LooksLikeAPickle))


def test_the_fresh_process_loads_the_model_and_leaves_its_rows(tmp_path: Path) -> None:
    model, request = faulty.SoundModel(2.0), case_of(faulty.Sound).request(shard=3)
    (tmp_path / "0.model").write_bytes(model.save()["model.json"])
    fields = ("seed", "shard", "batch", "rows", "first_key")
    job = {
        "module": "faulty_generators",
        "name": "Sound",
        "folder": str(tmp_path),
        "files": ["model.json"],
        "request": {name: getattr(request, name) for name in fields},
    }
    answer(job)
    for index, expected in enumerate(draw(model, request).values()):
        assert pa.ipc.open_file(tmp_path / f"{index}.arrow").read_all() == expected


def test_a_model_that_claims_nothing_is_not_held_to_repeating() -> None:
    check_generator(faulty.NeverTheSame, faulty.SoundConfig())


def test_the_one_line_names_the_check_whatever_the_plugin_raises() -> None:
    with pytest.raises(ConformanceError, match=r"^meets_its_conditions: .*KeyError") as caught:
        check_generator(faulty.StumblesOverConditions, faulty.SoundConfig())
    assert caught.value.check == "meets_its_conditions"
    assert isinstance(caught.value.__cause__, KeyError)
    with pytest.raises(ConformanceError, match=r"^meets_its_schema: raised ZeroDivisionError: "):
        check_generator(faulty.DividesByZero, faulty.SoundConfig())


def test_a_fit_that_stops_by_the_clock_need_not_repeat() -> None:
    check_generator(faulty.FitsByChance, faulty.SoundConfig(), refit=False)
