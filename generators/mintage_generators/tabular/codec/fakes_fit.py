"""Learning what fakes of a table look like, so that none of them is a value of the source."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mintage_generators.tabular.codec.fakes import WITH_PATTERN, WITH_PEOPLE, FakeColumn
from mintage_generators.tabular.codec.grouping import Group, group_columns, subject_of
from mintage_generators.tabular.codec.made import kinds_of
from mintage_generators.tabular.codec.marks import mark_of, pattern_of
from mintage_generators.tabular.codec.people import People
from mintage_generators.tabular.codec.personal import PersonalKind
from mintage_generators.tabular.codec.pools import faker_of, folded, make_people, make_pool
from mintage_generators.tabular.codec.subjects import Subject


def fit_fakes(
    names: Sequence[str],
    arrays: Mapping[int, pa.Array],
    kinds: Mapping[int, PersonalKind],
    *,
    locale: str,
    min_support: int,
    rng: np.random.Generator,
) -> tuple[dict[int, FakeColumn], tuple[Subject, ...]]:
    """The columns of fakes by index, and whose identifiers they are.

    `arrays` are the columns of the source that `kinds` calls personal. Raises `SourceError` for a
    locale that is not known, and where nothing can be made up that the source does not hold.
    """
    faker = faker_of(locale, rng)
    groups = group_columns(names, arrays, kinds)
    people = None
    if WITH_PEOPLE & set(kinds.values()):
        people = make_people(faker, _Taken(groups, arrays, kinds))
    pools = {
        PersonalKind.STREET_ADDRESS: faker.street_address,
        PersonalKind.CITY: faker.city,
        PersonalKind.POSTAL_CODE: faker.postcode,
    }
    columns = {}
    for subject, group in enumerate(groups):
        for i in group.columns:
            column = _blank(names[i], arrays[i], kinds[i], subject, min_support)
            columns[i] = _filled(column, arrays[i], people, pools, rng)
    return columns, tuple(subject_of(group, arrays, kinds, min_support) for group in groups)


def _blank(name: str, array: pa.Array, kind: PersonalKind, subject: int, min_support: int) -> FakeColumn:
    present = kinds_of(array, min_support)
    counts = np.zeros(len(present), np.int64)
    return FakeColumn(name=name, type=array.type, counts=counts, kinds=present, subject=subject, kind=kind)


def _filled(
    column: FakeColumn,
    array: pa.Array,
    people: People | None,
    pools: Mapping[PersonalKind, Callable[[], str]],
    rng: np.random.Generator,
) -> FakeColumn:
    texts = array.drop_null().cast(pa.string())
    if column.kind in pools:
        return replace(column, levels=make_pool(column.name, pools[column.kind], texts))
    if column.kind in WITH_PATTERN:
        return replace(column, pattern=pattern_of(column.name, column.kind, texts, rng))
    mark = mark_of(column.kind, texts)
    return replace(column, mark=mark, people=people if column.kind in WITH_PEOPLE else None)


class _Taken:
    """Which pairs of a first and a last name the source holds, in one column or in two."""

    def __init__(
        self, groups: Sequence[Group], arrays: Mapping[int, pa.Array], kinds: Mapping[int, PersonalKind]
    ) -> None:
        real = [pa.array([], pa.string())]
        for group in groups:
            of = {kinds[i]: arrays[i].cast(pa.string()) for i in group.columns}
            if PersonalKind.PERSON_NAME in of:
                real.append(folded(of[PersonalKind.PERSON_NAME].unique()))
            if {PersonalKind.FIRST_NAME, PersonalKind.LAST_NAME} <= of.keys():
                first, last = of[PersonalKind.FIRST_NAME], of[PersonalKind.LAST_NAME]
                real.append(folded(pc.binary_join_element_wise(first, last, " ")).unique())
        self._real = pa.concat_arrays(real).drop_null()

    def __call__(self, first: pa.Array, last: pa.Array) -> np.ndarray:
        taken = np.zeros(len(first), np.bool_)
        for pair in ((first, last), (last, first)):
            full = folded(pc.binary_join_element_wise(*pair, " "))
            taken |= pc.is_in(full, value_set=self._real).to_numpy(zero_copy_only=False)
        return taken
