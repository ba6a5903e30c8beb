from __future__ import annotations

import functools

import numpy as np
import pyarrow as pa
import pytest

from mintage.evaluation.options import Options
from mintage.evaluation.privacy import measure_privacy, shared_rows
from mintage.evaluation.privacy.distances import measure_distances
from mintage.evaluation.privacy.space import Space
from mintage.evaluation.results import Interval, Privacy
from mintage.evaluation.tables import Tables, align
from tests.unit.evaluation.privacy.making import Population, leak

ROWS = 1500
OPTIONS = Options(target="group", seed=3)


@functools.cache
def _measured(leaked: float, seed: int = 0) -> Privacy:
    """What is said of a generator that copies this share of its rows from train."""
    people = Population(seed)
    train, fresh, holdout = (people.draw(ROWS, i) for i in range(3))
    tables = align(train, leak(train, fresh, leaked), holdout, OPTIONS)
    return measure_privacy(tables, OPTIONS)


def _known(interval: Interval | None) -> Interval:
    assert interval is not None
    return interval


def test_a_generator_that_copies_its_training_rows_is_found_by_every_measure() -> None:
    found = _measured(1.0)
    assert found.copies.exact_share == 1.0
    assert found.copies.exact_share_holdout == 0.0
    assert found.copies.near_share == 1.0
    assert found.membership is not None
    assert found.membership.advantage.low > 0.9
    assert found.membership.auc.low > 0.95
    assert found.membership.tpr_at_fpr_1 is not None
    assert found.membership.tpr_at_fpr_1 > 0.95
    assert found.distances is not None
    assert _known(found.distances.dcr_share).low > 0.9
    assert found.distances.dcr_median_train == 0
    for attack in (found.singling_out, found.singling_out_multivariate, found.linkability, *found.inference):
        assert attack is not None
        assert _known(attack.risk).low > 0.3, attack


def test_fresh_rows_of_the_same_population_give_nothing_away() -> None:
    found = _measured(0.0)
    assert found.copies.exact == 0
    assert found.copies.near_share is not None
    assert found.copies.near_share < 0.03
    assert found.membership is not None
    assert found.membership.advantage.low < 0 < found.membership.advantage.high
    assert found.membership.auc.low < 0.5 < found.membership.auc.high
    assert found.distances is not None
    assert abs(_known(found.distances.dcr_share).value - 0.5) < 0.04
    for attack in (found.singling_out, found.singling_out_multivariate, found.linkability, *found.inference):
        assert attack is not None
        assert _known(attack.risk).low < 0.02, attack


def test_a_tenth_of_copied_rows_is_found() -> None:
    found = _measured(0.1)
    assert found.copies.exact == ROWS // 10
    assert found.membership is not None
    assert found.membership.advantage.low > 0
    assert found.membership.advantage.value == pytest.approx(0.1, abs=0.05)
    assert found.singling_out is not None
    assert _known(found.singling_out.risk).low > 0
    assert max(_known(attack.risk).low for attack in found.inference) > 0.02


def test_equal_options_give_equal_figures_whatever_the_number_of_threads() -> None:
    people = Population()
    tables = align(people.draw(300, 0), people.draw(300, 1), people.draw(200, 2), OPTIONS)
    assert measure_privacy(tables, Options(seed=1, threads=1)) == measure_privacy(
        tables, Options(seed=1, threads=3)
    )


def test_without_a_holdout_no_risk_is_told() -> None:
    people = Population()
    tables = align(people.draw(500, 0), people.draw(500, 1), None, OPTIONS)
    found = measure_privacy(tables, OPTIONS)
    assert found.membership is None
    assert found.copies.near is None
    assert found.distances is not None
    assert found.distances.dcr_share is None
    assert found.linkability is not None
    assert found.linkability.control is None
    assert found.linkability.risk is None
    assert found.linkability.success.high < 0.1
    assert all(attack.risk is None and attack.control is None for attack in found.inference)
    assert "without a holdout" in found.notes[0]


def test_fewer_than_a_hundred_rows_are_only_searched_for_copies() -> None:
    people = Population()
    train = people.draw(99, 0)
    found = measure_privacy(align(train, train.slice(0, 60), people.draw(500, 2), OPTIONS), OPTIONS)
    assert found.copies.exact == 60
    assert found.distances is None
    assert found.linkability is None
    assert not found.inference
    assert "fewer than 100 rows" in found.notes[-1]


def test_the_ledger_names_the_real_rows_that_were_read_and_claims_nothing() -> None:
    found = _measured(0.0)
    assert [(entry.step, entry.rows) for entry in found.ledger] == [
        ("evaluation of the real table", ROWS),
        ("evaluation of the holdout table", ROWS),
    ]
    assert {entry.epsilon for entry in found.ledger} == {None}
    assert found.claim == "none"


def test_attributes_are_told_the_riskiest_first_and_the_target_is_among_them() -> None:
    found = _measured(0.1)
    risks = [_known(attack.risk).value for attack in found.inference]
    assert risks == sorted(risks, reverse=True)
    assert "group" in {attack.name for attack in found.inference}


def test_only_twelve_columns_are_attacked_of_a_wide_table_the_target_included() -> None:
    rng = np.random.default_rng(0)
    one, two, three = (pa.table({f"c{i}": rng.normal(size=200) for i in range(20)}) for _ in range(3))
    options = Options(target="c19")
    found = measure_privacy(align(one, two, three, options), options)
    assert len(found.inference) == 12
    assert "c19" in {attack.name for attack in found.inference}


@pytest.mark.parametrize(
    "columns",
    [
        pytest.param({"same": np.zeros(300)}, id="one constant column"),
        pytest.param({"same": ["a"] * 300, "other": np.arange(300.0)}, id="constant and unique"),
        pytest.param(
            {"nothing": pa.nulls(300, pa.float64()), "other": ["a", "b", None] * 100}, id="all missing"
        ),
        pytest.param(
            {"nothing": pa.nulls(300, pa.string()), "flag": [True, False, None] * 100}, id="all null text"
        ),
        pytest.param({"only": np.arange(300.0)}, id="one column"),
        pytest.param({"when": pa.array(range(300), pa.timestamp("us")), "x": np.ones(300)}, id="times"),
    ],
)
def test_odd_columns_are_measured(columns: dict[str, object]) -> None:
    table = pa.table(columns)
    found = measure_privacy(align(table, table, table.slice(0, 200), Options()), Options())
    assert found.copies.exact == 300
    assert found.distances is not None


def test_categories_without_overlap_are_as_far_apart_as_can_be() -> None:
    real, other = pa.table({"c": ["a", "b"] * 100}), pa.table({"c": ["x", "y"] * 100})
    found = measure_privacy(align(real, other, real, Options()), Options())
    assert found.copies.exact == 0
    assert found.distances is not None
    assert found.distances.dcr_median_train == 2
    assert _known(found.distances.dcr_share).value == 0.5


@pytest.mark.parametrize(("train_rows", "holdout_rows"), [(900, 150), (150, 900), (400, 400)], ids=str)
def test_the_share_closer_to_train_does_not_depend_on_how_large_the_holdout_is(
    train_rows: int, holdout_rows: int
) -> None:
    people = Population(1)
    train, holdout = people.draw(train_rows, 0), people.draw(holdout_rows, 2)
    fresh = _share(align(train, people.draw(1500, 1), holdout, OPTIONS))
    assert abs(fresh.value - 0.5) < 0.07
    copied = _share(align(train, train, holdout, OPTIONS))
    assert copied.value == 1
    assert copied.low > 0.85


def _share(tables: Tables) -> Interval:
    space = Space.of(tables)
    real, made, fresh = (space.points(table, mismatch=2.0) for table in tables.all)
    measured = measure_distances(made, real, fresh, rows=200, seed=0, threads=1)
    return _known(measured.distances.dcr_share)


@pytest.mark.parametrize("shared", [0, 1, 150], ids=str)
def test_rows_of_the_holdout_that_are_in_train_are_counted(shared: int) -> None:
    people = Population()
    train = people.draw(300, 0)
    holdout = pa.concat_tables([train.slice(0, shared), people.draw(300 - shared, 1)])
    tables = align(train, train, holdout, Options())
    assert tables.holdout is not None
    assert shared_rows(tables.real, tables.holdout) == shared


def test_a_holdout_taken_from_train_leaves_no_one_to_attack() -> None:
    people = Population()
    train = people.draw(300, 0)
    found = measure_privacy(align(train, people.draw(300, 1), train, Options()), Options())
    assert found.membership is None
    assert any(note.startswith("membership: too few rows") for note in found.notes)
