"""What follows from what was learned from: generations, shares of real rows, roots; and the limits."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from mintage.errors import ProvenanceError
from mintage.provenance.digests import digest_of
from mintage.provenance.lineage import (
    MAX_GENERATION,
    MAX_PARENTS,
    Ancestor,
    Lineage,
    Parent,
    Waiver,
    derive,
    find_flaws,
)
from mintage.provenance.lineage_policy import LineagePolicy, check_lineage

PEOPLE, EVALUATION = digest_of(b"people"), digest_of(b"evaluation")


def parent(kind: str = "real", **replaced: object) -> Parent:
    """A parent that somebody trusted has signed."""
    values: dict[str, object] = {
        "name": kind,
        "kind": kind,
        "digest": PEOPLE,
        "statement": digest_of(kind.encode()),
        "generation": 0 if kind == "real" else 1,
        "real_fraction": Decimal(1),
        "weight": 3000,
    }
    return Parent.model_validate({**values, **replaced})


def ancestor(kind: str = "real", **replaced: object) -> Ancestor:
    return Ancestor(parent=parent(kind, **replaced), roots=(PEOPLE,))


def unknown(**replaced: object) -> Ancestor:
    """A source that nobody attested."""
    return Ancestor(
        parent=parent(
            "unknown",
            **{"statement": None, "generation": None, "real_fraction": None, "weight": None, **replaced},
        )
    )


def test_what_is_learned_from_real_rows_is_the_first_generation() -> None:
    made = derive([ancestor()])
    assert (made.generation, made.at_least, made.real_fraction) == (1, 1, Decimal(1))
    assert (made.mode, made.roots) == (None, (PEOPLE,))


def test_what_nothing_taught_is_the_first_generation_without_real_rows() -> None:
    made = derive([])
    assert (made.generation, made.real_fraction) == (1, Decimal(0))
    assert not made.roots
    assert not made.parents


def test_the_generation_is_one_more_than_the_highest() -> None:
    made = derive([ancestor(), ancestor("synthetic", generation=4), ancestor("synthetic", generation=2)])
    assert made.generation == 5


def test_rows_of_a_model_are_as_old_as_the_rows_it_made_before() -> None:
    made = derive([Ancestor(parent=parent("model", generation=3), mode="accumulate")])
    assert (made.generation, made.mode) == (3, "accumulate")


@pytest.mark.parametrize(
    ("real", "synthetic", "fraction"),
    [
        ([1000], [1000], "0.5"),
        ([1000], [2000], "0.333333333333"),
        ([2000], [1000], "0.666666666666"),
        ([1, 2], [7], "0.3"),
        ([10**18], [9 * 10**18], "0.1"),
        ([1], [10**15 - 1], "0"),
        ([5, 7], [], "1"),
        ([], [5], "0"),
    ],
    ids=["half", "third", "never-up", "no-noise-of-floats", "large", "too-little", "all", "none"],
)
def test_the_real_fraction_is_the_share_of_real_rows(
    real: list[int], synthetic: list[int], fraction: str
) -> None:
    # What a synthetic parent was learned from makes its rows no more real.
    parents = [ancestor(weight=rows) for rows in real]
    parents += [ancestor("synthetic", real_fraction=Decimal(1), weight=rows) for rows in synthetic]
    assert derive(parents).to_json()["realFraction"] == fraction


def test_a_model_hands_on_the_real_fraction_of_its_data_set() -> None:
    quarter = Decimal("0.25")
    assert derive([ancestor("model", real_fraction=quarter, weight=None)]).real_fraction == quarter


def test_a_share_of_unknown_weight_is_unknown() -> None:
    assert derive([ancestor(), ancestor("synthetic", weight=None)]).real_fraction is None
    assert derive([ancestor("synthetic", weight=None)]).real_fraction == 0


def test_roots_are_those_of_all_parents_once() -> None:
    other = Ancestor(parent=parent("synthetic"), roots=(EVALUATION, PEOPLE))
    assert derive([ancestor(), other]).roots == tuple(sorted({PEOPLE, EVALUATION}))


def test_one_unknown_parent_hides_what_depends_on_it_and_no_more() -> None:
    made = derive([ancestor("synthetic", generation=3), unknown()])
    assert (made.generation, made.at_least, made.real_fraction) == (None, 4, None)
    assert made.roots == (PEOPLE,)
    assert made.to_json()["generationAtLeast"] == "4"


def test_a_marked_copy_counts_with_the_generation_that_it_tells() -> None:
    copied = Ancestor(
        parent=parent("synthetic", statement=None, generation=None, at_least=2, real_fraction=None)
    )
    made = derive([copied])
    assert (made.generation, made.at_least, made.mode) == (None, 3, "replace")


@pytest.mark.parametrize(
    ("ancestors", "mode"),
    [
        ([ancestor()], None),
        ([ancestor("synthetic")], "replace"),
        ([ancestor("synthetic"), ancestor()], "accumulate"),
        ([ancestor("synthetic"), unknown()], "unknown"),
        ([unknown()], "unknown"),
        ([ancestor("synthetic"), ancestor(), unknown()], "accumulate"),
    ],
)
def test_the_mode_says_whether_real_rows_stayed_in(ancestors: list[Ancestor], mode: str | None) -> None:
    assert derive(ancestors).mode == mode


@pytest.mark.parametrize(
    "made",
    [
        derive([]),
        derive([unknown(), ancestor()]),
        derive([ancestor("synthetic", real_fraction=Decimal("0.25")), ancestor()]),
        derive([ancestor("synthetic")], Waiver(reason="a test", problems=("max_generation: 2",))),
    ],
    ids=["none", "unknown", "mixed", "waived"],
)
def test_a_lineage_survives_being_written(made: Lineage) -> None:
    assert Lineage.from_json(made.to_json()) == made
    assert find_flaws(made) == []


@pytest.mark.parametrize(
    "value",
    [
        None,
        {},
        {"generation": "-1", "realFraction": "0"},
        {"generation": "1", "realFraction": "1.5"},
        {"generation": "1", "realFraction": "1e-1"},
        {"generation": "1", "realFraction": "nan"},
        {"generation": "1", "realFraction": "0.50"},
        {"generation": "1", "realFraction": "0.1234567890123"},
        {"generation": "1", "realFraction": "0", "parents": "unknown"},
        {"generation": "1", "realFraction": "0", "roots": [PEOPLE] * 1001},
        {"generation": "1", "realFraction": "0", "parents": [{"name": "a"}]},
    ],
)
def test_a_malformed_lineage_is_refused(value: object) -> None:
    with pytest.raises(ProvenanceError, match="the lineage is malformed"):
        Lineage.from_json(value)


def test_a_lineage_without_end_is_refused() -> None:
    with pytest.raises(ProvenanceError, match="parents"):
        derive([ancestor()] * (MAX_PARENTS + 1))
    with pytest.raises(ProvenanceError, match="nothing is that far"):
        derive([ancestor("synthetic", generation=MAX_GENERATION)])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"generation": 1}, "the generation is 1"),
        ({"generation": None, "at_least": 1}, "the generation is unknown"),
        ({"real_fraction": Decimal(1)}, "the real fraction is 1"),
        ({"mode": "replace"}, "the mode is replace"),
        ({"roots": ()}, "is not among the roots"),
        ({"parents": (parent("synthetic", generation=0),)}, "told as generation 0"),
        ({"parents": (parent(generation=1),)}, "not as generation 0"),
        ({"parents": (parent(statement=None),)}, "no statement says so"),
    ],
)
def test_what_does_not_follow_from_the_parents_is_told(change: dict[str, Any], told: str) -> None:
    sound = derive([ancestor(), ancestor("synthetic", real_fraction=Decimal(0))])
    flaws = find_flaws(sound.model_copy(update=change))
    assert any(told in flaw for flaw in flaws), flaws


DEEP = derive([ancestor("synthetic", generation=2)])


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        ({"max_generation": 2}, "the generation is 3, and must be 2 or less"),
        ({"min_real_fraction": 0.3}, "the real fraction is 0, and must be 0.3 or more"),
        ({"forbid_roots": [PEOPLE]}, f"the rows come from {PEOPLE}, which is forbidden"),
        ({"mode": "accumulate"}, "the mode is replace, and must be accumulate"),
    ],
)
def test_a_limit_that_is_not_kept_is_told(limits: dict[str, Any], told: str) -> None:
    [problem] = check_lineage(DEEP, LineagePolicy(**limits))
    assert problem.message == told
    assert problem.limit == next(iter(limits))
    assert problem.todo


@pytest.mark.parametrize(
    "limits",
    [
        {},
        {"max_generation": 3},
        {"min_real_fraction": 0},
        {"forbid_roots": [EVALUATION]},
        {"require_attested": True},
        {"mode": "replace"},
    ],
)
def test_a_limit_that_is_kept_is_not_told(limits: dict[str, Any]) -> None:
    assert check_lineage(DEEP, LineagePolicy(**limits)) == []


@pytest.mark.parametrize(
    "limits",
    [
        {"max_generation": 9},
        {"min_real_fraction": 0.1},
        {"forbid_roots": [EVALUATION]},
        {"require_attested": True},
        {"mode": "accumulate"},
    ],
)
def test_unknown_meets_no_limit(limits: dict[str, Any]) -> None:
    [problem] = check_lineage(derive([unknown()]), LineagePolicy(**limits))
    assert "unknown" in str(problem)


def test_unknown_is_refused_by_what_it_is_at_least() -> None:
    [problem] = check_lineage(
        derive([unknown(), ancestor("synthetic", generation=5)]), LineagePolicy(max_generation=2)
    )
    assert problem.message == "the generation is at least 6, and must be 2 or less"


def test_a_forbidden_source_is_refused_without_an_attestation_too() -> None:
    [problem] = check_lineage(derive([unknown()]), LineagePolicy(forbid_roots=frozenset({PEOPLE})))
    assert "which is forbidden" in problem.message


def test_a_statement_about_a_parent_of_unknown_lineage_is_no_attested_lineage() -> None:
    made = derive([ancestor("synthetic", generation=None, at_least=1, real_fraction=None)])
    assert [problem.limit for problem in check_lineage(made, LineagePolicy(require_attested=True))] == [
        "require_attested"
    ]
