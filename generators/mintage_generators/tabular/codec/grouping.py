"""Which personal columns speak of the same identity, learned from their names and their values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mintage_generators.tabular.codec.personal import PersonalKind, words
from mintage_generators.tabular.codec.subjects import Subject, learn_lengths, shared_share

_OF_PERSONS = (
    PersonalKind.NATIONAL_ID,
    PersonalKind.EMAIL_ADDRESS,
    PersonalKind.USER_NAME,
    PersonalKind.PHONE_NUMBER,
    PersonalKind.IBAN,
    PersonalKind.CREDIT_CARD,
    PersonalKind.PERSON_NAME,
    PersonalKind.STREET_ADDRESS,
    PersonalKind.LAST_NAME,
    PersonalKind.FIRST_NAME,
    PersonalKind.POSTAL_CODE,
    PersonalKind.CITY,
)
"""Kinds that belong to a person, the most telling first; others are things of their own."""

_SHARED_BY_MANY = frozenset(
    {PersonalKind.LAST_NAME, PersonalKind.FIRST_NAME, PersonalKind.POSTAL_CODE, PersonalKind.CITY}
)
_SAME = 0.999


@dataclass(kw_only=True)
class Group:
    """Columns that speak of one identity, as indexes, and what they are."""

    columns: list[int] = field(default_factory=list)
    leader: int = -1
    same: float = 0.0


def group_columns(
    names: Sequence[str], arrays: Mapping[int, pa.Array], kinds: Mapping[int, PersonalKind]
) -> list[Group]:
    """Columns of one person together; a second of a kind belongs to another one, by its first word."""
    counts = Counter(kinds.values())
    first_word = {i: (words(names[i]).split() or [""])[0] for i in kinds}
    apart = {first_word[i] for i, kind in kinds.items() if counts[kind] > 1}
    groups: list[Group] = []
    main: dict[str, Group] = {}
    for i, kind in kinds.items():
        label = first_word[i] if first_word[i] in apart else ""
        group = main.get(label) if kind in _OF_PERSONS else None
        twin = next((g for g in groups for j in g.columns if kinds[j] is kind and _equal(arrays, i, j)), None)
        if twin is not None:
            twin.columns.append(i)
        elif group is not None and kind not in {kinds[j] for j in group.columns}:
            group.columns.append(i)
        else:
            group = _led(i, groups, arrays, kinds)
            groups.append(group)
            if kind in _OF_PERSONS:
                main.setdefault(label, group)
    return groups


def _equal(arrays: Mapping[int, pa.Array], one: int, other: int) -> bool:
    equal = pc.equal(arrays[one].cast(pa.string()), arrays[other].cast(pa.string())).drop_null()
    return bool(len(equal)) and pc.mean(equal).as_py() >= _SAME


def _led(
    i: int, groups: Sequence[Group], arrays: Mapping[int, pa.Array], kinds: Mapping[int, PersonalKind]
) -> Group:
    """A group of its own, which takes its identities from another one that holds the same identifiers."""
    if kinds[i] not in _SHARED_BY_MANY:
        for leader, group in enumerate(groups):
            for j in group.columns:
                if kinds[j] is kinds[i] and group.leader < 0:
                    same = shared_share(arrays[j].cast(pa.string()), arrays[i].cast(pa.string()))
                    if same is not None:
                        return Group(columns=[i], leader=leader, same=same)
    return Group(columns=[i])


def subject_of(
    group: Group, arrays: Mapping[int, pa.Array], kinds: Mapping[int, PersonalKind], min_support: int
) -> Subject:
    """Whose a group's columns are: rows per identity are those of its most telling column."""
    rank = {kind: place for place, kind in enumerate(_OF_PERSONS)}
    telling = min(group.columns, key=lambda i: rank.get(kinds[i], -1))
    if kinds[telling] in _SHARED_BY_MANY:
        lengths = weights = np.ones(1, np.int64)
    else:
        lengths, weights = learn_lengths(arrays[telling], min_support)
    return Subject(lengths=lengths, weights=weights, leader=group.leader, same=group.same)
