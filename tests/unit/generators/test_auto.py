"""tabular.auto: who is chosen, why, and what happens when little can be compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pyarrow as pa
import pytest
from pydantic import ValidationError

from mintage.contracts import Choice, FitContext, FitProgress, ImputeRequest, SampleRequest, Span
from mintage.errors import ConditionError, FitError, GenerationError, SourceError
from mintage.evaluation.results import Interval
from mintage.testing import memory_source
from mintage_generators.tabular.auto.candidates import Candidate
from mintage_generators.tabular.auto.choosing import Trial, choose
from mintage_generators.tabular.auto.config import AutoConfig
from mintage_generators.tabular.auto.generator import AutoGenerator, AutoModel
from mintage_generators.tabular.auto.judging import Judgement
from mintage_generators.tabular.auto.resuming import DECISION, Chosen, earlier_choice

MARGINALS = {"kind": "tabular.marginals"}
COPULA = {"kind": "tabular.copula"}
TINY = {"kind": "tabular.autoregressive", "batch_rows": 64, "hidden": 16, "embedding": 4}
IMPOSSIBLE = {"kind": "tabular.copula", "min_support": 1000}
"""A candidate that refuses a source of fewer rows."""


def tied(rows: int = 600) -> pa.Table:
    """Two columns that say nearly the same, and a category that follows: independent draws stand out."""
    rng = np.random.default_rng(3)
    left = rng.normal(size=rows)
    return pa.table(
        {
            "left": left,
            "right": left + 0.05 * rng.normal(size=rows),
            "sign": pa.array(["plus", "minus"]).take(pa.array((left < 0).astype(np.int64))),
        }
    )


def fit(table: pa.Table, options: dict[str, object], notes: list[str] | None = None) -> AutoModel:
    def report(progress: FitProgress) -> None:
        if notes is not None:
            notes.append(progress.note)

    generator = AutoGenerator(AutoConfig.model_validate(options))
    return generator.fit(memory_source(table), FitContext(seed=5, report=report))


def choice_of(model: AutoModel) -> dict[str, object]:
    choice = model.fit_record["choice"]
    assert isinstance(choice, dict)
    return choice


def trial(
    kind: str, auc: float, *, share: float = 0.5, learned: float | None = None, nats: float | None = None
) -> Trial:
    def around(value: float) -> Interval:
        return Interval(value=value, low=value - 0.02, high=value + 0.02)

    judgement = Judgement(
        auc=around(auc),
        auc_learned=around(auc if learned is None else learned),
        dcr_share=around(share),
        trend_error=None,
        nats=nats,
    )
    return Trial(candidate=Candidate(kind=kind), judgement=judgement)


FAILED = Trial(candidate=Candidate(kind="tabular.vae"), failure="it diverged")

DECISIONS = {
    "the lowest AUC wins": ([trial("a", 0.9), trial("b", 0.7), trial("c", 0.8)], (1, 2, 0)),
    "the first of those that are level": ([trial("a", 0.70), trial("b", 0.68), trial("c", 0.9)], (0, 1, 2)),
    "likelihood between candidates of one kind": (
        [trial("a", 0.70, nats=9.0), trial("a", 0.69, nats=8.0), trial("a", 0.71, nats=8.5)],
        (1, 0, 2),
    ),
    "nats of another kind do not count": ([trial("a", 0.70, nats=9.0), trial("b", 0.70, nats=1.0)], (0, 1)),
    "nearer to the rows learned than chance": ([trial("a", 0.50, share=0.7), trial("b", 0.8)], (1, 0)),
    "easier to tell from held-out rows": ([trial("a", 0.60, learned=0.5), trial("b", 0.8)], (1, 0)),
    "all too near": ([trial("a", 0.60, share=0.7), trial("b", 0.8, share=0.7)], (0, 1)),
    "failures last": ([FAILED, trial("b", 0.8), trial("c", 0.6)], (2, 1, 0)),
    "only failures": ([FAILED, FAILED], (0, 1)),
}


@pytest.mark.parametrize(("trials", "order"), DECISIONS.values(), ids=list(DECISIONS))
def test_figures_decide(trials: list[Trial], order: tuple[int, ...]) -> None:
    assert choose(trials).order == order


def test_what_holds_columns_together_is_chosen_over_independent_columns() -> None:
    notes: list[str] = []
    model = fit(tied(), {"candidates": [MARGINALS, COPULA], "max_seconds": None}, notes)
    choice = choice_of(model)
    assert choice["kind"] == "tabular.copula"
    assert "lowest AUC against held-out rows" in str(choice["reason"])
    assert (choice["rows_learned"], choice["rows_held_out"]) == (480, 120)
    assert sum("AUC against held-out rows" in note and "trial" in note for note in notes) == 2
    assert any("tabular.copula is chosen" in note for note in notes)


def test_trials_under_fixed_steps_take_their_share_of_them() -> None:
    model = fit(tied(), {"candidates": [MARGINALS, TINY], "max_steps": 40})
    trials = choice_of(model)["trials"]
    assert isinstance(trials, list)
    assert [row["steps"] for row in trials] == [6, 6]
    assert all("seconds" not in row for row in trials)


def test_a_candidate_that_fails_is_named_and_the_others_go_on() -> None:
    model = fit(tied(), {"candidates": [IMPOSSIBLE, MARGINALS], "max_seconds": None})
    choice = choice_of(model)
    assert choice["kind"] == "tabular.marginals"
    trials = choice["trials"]
    assert isinstance(trials, list)
    assert "1000" in trials[0]["failure"]


def test_a_candidate_that_fails_in_full_gives_way_to_the_next() -> None:
    model = fit(tied(250), {"candidates": [IMPOSSIBLE, MARGINALS], "max_seconds": None})
    assert choice_of(model)["kind"] == "tabular.marginals"
    assert "1000" in str(choice_of(model)["failed"])


def test_when_all_fail_each_is_named_with_its_reason() -> None:
    both = [IMPOSSIBLE, {**MARGINALS, "min_support": 1000}]
    with pytest.raises(FitError, match=r"copula \(min_support=1000\): .*; tabular.marginals \(min_"):
        fit(tied(), {"candidates": both, "max_seconds": None})


def constant_but_one(rows: int = 400) -> pa.Table:
    return pa.table({"year": np.full(rows, 2013), "x": np.random.default_rng(1).normal(size=rows)})


DEGENERATE = {
    "few rows": (tied(250), "250 rows are too few"),
    "one column": (tied().select(["left"]), "with one column"),
    "constants": (constant_but_one(), "columns that vary and can be measured: 1 of 2"),
}


@pytest.mark.parametrize(("table", "reason"), DEGENERATE.values(), ids=list(DEGENERATE))
def test_the_first_is_taken_where_nothing_can_be_compared(table: pa.Table, reason: str) -> None:
    model = fit(table, {"candidates": [COPULA, MARGINALS], "max_seconds": None})
    assert choice_of(model)["kind"] == "tabular.copula"
    assert reason in str(choice_of(model)["reason"])
    assert choice_of(model)["trials"] == []


def test_one_second_still_gives_a_model() -> None:
    model = fit(tied(), {"candidates": [TINY, COPULA], "max_seconds": 1})
    assert "too few" in str(choice_of(model)["reason"])
    assert model.schema.root_table.names == ("left", "right", "sign")


def test_columns_that_are_made_up_are_not_judged() -> None:
    table = tied().append_column(
        "email", pa.array([f"person{i}@example.org" for i in range(600)])
    )  # made up anew: no row of them can look like a held-out one
    model = fit(table, {"candidates": [MARGINALS, COPULA], "max_seconds": None})
    trials = choice_of(model)["trials"]
    assert isinstance(trials, list)
    assert "email" in model.schema.root_table.names
    assert trials[1]["auc_held_out"][0] < 0.8
    assert choice_of(model)["kind"] == "tabular.copula"


def test_the_model_answers_as_the_chosen_one() -> None:
    model = fit(tied(250), {"candidates": [MARGINALS]})
    request = SampleRequest(seed=1, shard=0, batch=0, rows=20, first_key=0, fixed={"sign": "plus"})
    (made,) = model.sample(request)
    (own,) = model.chosen.sample(request)
    assert made.batch.equals(own.batch)
    with pytest.raises(ConditionError):
        model.check({"sign": "neither"}, {})


def test_a_range_reaches_the_chosen_model() -> None:
    model = fit(tied(250), {"candidates": [TINY], "max_steps": 5})
    within = {"left": Choice(spans=(Span(minimum=0.5, maximum=1.0),))}
    model.check_within({}, {}, within)
    request = SampleRequest(seed=1, shard=0, batch=0, rows=30, first_key=0, within=within)
    (made,) = model.sample(request)
    (own,) = model.chosen.sample(request)
    assert made.batch.equals(own.batch)
    assert all(0.5 <= value <= 1.0 for value in made.batch["left"].to_pylist())
    with pytest.raises(ConditionError):
        model.check_within({}, {}, {"nowhere": within["left"]})


def test_cells_are_filled_by_the_chosen_model() -> None:
    model = fit(tied(250), {"candidates": [TINY], "max_steps": 5})
    holes = pa.record_batch(
        {"left": [0.5, None, None], "right": [None, 0.25, None], "sign": ["plus", None, "minus"]}
    )
    request = ImputeRequest(seed=2, batch=0, columns=("left", "right", "sign"))
    filled = model.impute(holes, request)
    assert filled.equals(model.chosen.impute(holes, request))
    assert sum(column.null_count for column in filled.columns) == 0
    assert (filled["left"][0].as_py(), filled["right"][1].as_py()) == (0.5, 0.25)
    with pytest.raises(GenerationError, match="cannot fill"):
        fit(tied(250), {"candidates": [MARGINALS]}).impute(holes, request)


SPOILT: dict[str, Callable[[dict[str, bytes]], dict[str, bytes]]] = {
    "no decision": lambda files: {name: data for name, data in files.items() if name != DECISION},
    "no JSON": lambda files: {**files, DECISION: b"{"},
    "another kind": lambda files: {**files, DECISION: files[DECISION].replace(b"marginals", b"nonsense!")},
    "unknown field": lambda files: {**files, DECISION: b'{"a":1,' + files[DECISION][1:]},
    "too large": lambda files: {**files, DECISION: files[DECISION] + b" " * (1 << 20)},
    "a file too many": lambda files: {**files, "more.json": b"{}"},
}


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=list(SPOILT))
def test_spoilt_files_are_refused(spoil: Callable[[dict[str, bytes]], dict[str, bytes]]) -> None:
    files = fit(tied(250), {"candidates": [MARGINALS]}).save()
    AutoGenerator.load(files)
    with pytest.raises(FitError):
        AutoGenerator.load(spoil(files))


REFUSED: dict[str, tuple[dict[str, object], str]] = {
    "unknown kind": ({"candidates": [{"kind": "tabular.nothing"}]}, "is not one of tabular.autoregressive"),
    "itself": ({"candidates": [{"kind": "tabular.auto"}]}, "is not one of"),
    "unknown option": ({"candidates": [{"kind": "tabular.copula", "hiden": 3}]}, "hiden"),
    "wrong value": ({"candidates": [{"kind": "tabular.copula", "bins": 0}]}, "bins"),
    "none": ({"candidates": []}, "at least 1"),
    "no time": ({"max_seconds": 0}, "greater than 0"),
}


@pytest.mark.parametrize(("options", "message"), REFUSED.values(), ids=list(REFUSED))
def test_wrong_options_are_refused_at_once(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        AutoConfig.model_validate(options)


CLOCKS: dict[str, tuple[dict[str, object], float | None]] = {
    "as it comes": ({}, 150.0),
    "steps": ({"max_steps": 10}, None),
    "steps of all candidates": ({"candidates": [{**TINY, "max_steps": 10}, COPULA]}, None),
    "steps of some candidates": ({"candidates": [{**TINY, "max_steps": 10}, TINY]}, 150.0),
    "both": ({"max_steps": 10, "max_seconds": 20}, 20.0),
}


@pytest.mark.parametrize(("options", "seconds"), CLOCKS.values(), ids=list(CLOCKS))
def test_whoever_fixes_the_steps_asks_for_no_clock(options: dict[str, object], seconds: float | None) -> None:
    assert AutoConfig.model_validate(options).max_seconds == seconds


def test_options_of_the_codec_reach_all_candidates() -> None:
    with pytest.raises(FitError, match=r"tabular.copula: .*1000.*; tabular.marginals: .*1000"):
        fit(tied(), {"candidates": [COPULA, MARGINALS], "max_seconds": None, "min_support": 1000})


class Kept:
    """Checkpoints in memory."""

    every_seconds: float | None = 1000.0

    def __init__(self, files: Mapping[str, bytes] | None = None) -> None:
        self.files = files

    def load(self) -> Mapping[str, bytes] | None:
        return self.files

    def save(self, files: Mapping[str, bytes]) -> None:
        self.files = dict(files)


def test_a_killed_fit_goes_on_with_what_was_chosen() -> None:
    config = AutoConfig.model_validate({"candidates": [MARGINALS, COPULA], "max_seconds": None})
    kept = Kept()
    first = AutoGenerator(config).fit(memory_source(tied()), FitContext(seed=5, checkpoints=kept))
    notes: list[str] = []
    context = FitContext(seed=5, checkpoints=kept, report=lambda told: notes.append(told.note))
    again = AutoGenerator(config).fit(memory_source(tied()), context)
    assert again.save() == first.save()
    assert choice_of(again)["kind"] == "tabular.copula"
    assert not any("trial" in note for note in notes)


def test_a_checkpoint_of_another_choice_is_refused() -> None:
    kept = Kept({DECISION: Chosen(place=2, seconds=None, record={}).to_bytes()})
    with pytest.raises(FitError, match="candidate 2 of 2"):
        earlier_choice(kept, 2)
    with pytest.raises(FitError):
        earlier_choice(Kept({DECISION: b"[]"}), 2)
    assert earlier_choice(Kept({"model.json": b"{}"}), 2) is None


def test_several_tables_are_refused() -> None:
    source = memory_source({"a": tied(), "b": tied()})
    with pytest.raises(SourceError, match="2 tables"):
        AutoGenerator(AutoConfig()).fit(source, FitContext(seed=1))
