from __future__ import annotations

import numpy as np
import pyarrow as pa

from mintage.evaluation.options import Options
from mintage.evaluation.privacy import measure_privacy
from mintage.evaluation.privacy.membership import measure_membership
from mintage.evaluation.privacy.neighbours import nearest
from mintage.evaluation.privacy.space import Space
from mintage.evaluation.results import Membership
from mintage.evaluation.tables import align
from tests.unit.evaluation.privacy.making import Population


def _attacked(
    train: pa.Table, synthetic: pa.Table, holdout: pa.Table, *, rows: int = 10_000, seed: int = 0
) -> Membership:
    tables = align(train, synthetic, holdout, Options())
    assert tables.holdout is not None
    space = Space.of(tables)
    real, made, fresh = (
        space.points(table, mismatch=2.0) for table in (tables.real, tables.synthetic, tables.holdout)
    )
    found = measure_membership(made, real, fresh, rows=rows, seed=seed, threads=1)
    assert found is not None
    return found


def test_without_a_leak_no_attack_does_better_than_chance_on_average() -> None:
    found = []
    for seed in range(8):
        people = Population(seed)
        found.append(_attacked(*(people.draw(500, i) for i in range(3)), seed=seed))
    assert abs(np.mean([one.advantage.value for one in found])) < 0.06
    for name in found[0].attacks:
        assert abs(np.mean([one.attacks[name].value for one in found]) - 0.5) < 0.02, name


def test_the_outliers_that_a_generator_remembers_are_found_where_the_average_hides_them() -> None:
    people = Population(5)
    train, fresh, holdout = (people.draw(1500, i) for i in range(3))
    tables = align(train, fresh, holdout, Options())
    space = Space.of(tables)
    real, unseen = (space.points(table, mismatch=2.0) for table in tables.all[::2])
    far = np.argsort(-nearest(real, unseen).distances[:, 0])[:120]
    found = _attacked(train, pa.concat_tables([fresh, train.take(far)]), holdout)
    assert found.attacks["outliers"].value > found.attacks["density"].value + 0.03
    assert found.attacks["outliers"].low > 0.5


def test_as_many_members_as_others_are_attacked_and_no_more_than_asked_for() -> None:
    people = Population()
    found = _attacked(people.draw(900, 0), people.draw(300, 1), people.draw(600, 2), rows=250)
    assert found.members == found.non_members == 250
    found = _attacked(people.draw(900, 0), people.draw(300, 1), people.draw(600, 2))
    assert found.members == found.non_members == 400


def test_values_that_members_and_others_share_are_left_out() -> None:
    people = Population()
    train = people.draw(600, 0)
    found = _attacked(train, train, pa.concat_tables([people.draw(450, 2), train.slice(0, 150)]))
    assert found.members < 400
    assert all(attack.value > 0.8 for attack in found.attacks.values())
    assert found.advantage.low > 0.8


def test_a_holdout_that_is_the_training_table_gives_nobody_away() -> None:
    people = Population()
    train, fresh = people.draw(600, 0), people.draw(600, 1)
    privacy = measure_privacy(align(train, fresh, train, Options()), Options())
    assert privacy.membership is None
    assert any(note.startswith("membership: too few rows") for note in privacy.notes)
