from __future__ import annotations

import numpy as np
import pytest

from mintage.evaluation.privacy.intervals import added_risk, auc_interval, wilson


def test_wilsons_interval_of_a_known_case() -> None:
    # 15 of 50: 0.1910 to 0.4375 (any table of Wilson intervals).
    found = wilson(15, 50)
    assert (found.low, found.high) == pytest.approx((0.1910, 0.4375), abs=1e-4)


@pytest.mark.parametrize("successes", [0, 100])
def test_an_interval_stays_within_bounds(successes: int) -> None:
    found = wilson(successes, 100)
    assert 0 <= found.low <= found.value <= found.high <= 1


def test_the_risk_is_what_the_control_does_not_explain() -> None:
    found = added_risk((600, 1000), (200, 1000))
    assert found is not None
    # By hand: rates .599617 +- .030308 and .201148 +- .024771; errors propagated to first order.
    assert found.value == pytest.approx(0.498802, abs=1e-5)
    assert found.high - found.value == pytest.approx(0.040999, abs=1e-5)
    assert found.value - found.low == pytest.approx(0.040999, abs=1e-5)


def test_a_control_that_does_better_means_no_risk() -> None:
    found = added_risk((200, 1000), (600, 1000))
    assert found is not None
    assert (found.value, found.low) == (0, 0)


def test_no_risk_is_told_when_the_control_always_succeeds() -> None:
    assert added_risk((900, 1000), (1000, 1000)) is None


def test_wilsons_interval_covers_the_truth_about_95_times_in_100() -> None:
    rng = np.random.default_rng(0)
    found = [wilson(successes, 200) for successes in rng.binomial(200, 0.07, 2000)]
    covered = np.mean([one.low <= 0.07 <= one.high for one in found])
    assert 0.93 < covered < 0.97


def test_the_area_of_equal_scores_is_a_half_and_of_ordered_ones_is_1() -> None:
    same = np.ones(50)
    assert auc_interval(same, same).value == 0.5
    assert auc_interval(same + 1, same).value == 1.0


def test_the_interval_of_an_area_covers_the_truth_about_95_times_in_100() -> None:
    rng = np.random.default_rng(1)
    found = [auc_interval(rng.normal(size=150), rng.normal(size=150)) for _ in range(600)]
    assert 0.92 < np.mean([one.low <= 0.5 <= one.high for one in found]) < 0.98
