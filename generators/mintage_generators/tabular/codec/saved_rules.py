"""Rules as JSON and arrays, and back with every size and token checked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mintage.errors import MintageError
from mintage_generators.tabular.codec.column import Column
from mintage_generators.tabular.codec.combinations import MAX_TUPLES, Group
from mintage_generators.tabular.codec.constraints import MAX_CONSTRAINTS, Constraint
from mintage_generators.tabular.codec.files import Arrays, Document, damaged
from mintage_generators.tabular.codec.rules import Rules, compile_rules


class RulesDocument(Document):
    """Constraints as they were written, and the columns of each group of combinations."""

    constraints: tuple[Constraint, ...]
    groups: tuple[tuple[int, ...], ...]


def write_rules(rules: Rules | None) -> tuple[RulesDocument | None, dict[str, np.ndarray]]:
    """The parts of rules that `read_rules` puts together again."""
    if rules is None:
        return None, {}
    document = RulesDocument(
        constraints=rules.constraints, groups=tuple(group.columns for group in rules.groups)
    )
    return document, {f"rules.{n}.tuples": group.tuples for n, group in enumerate(rules.groups)}


def read_rules(document: RulesDocument | None, columns: Sequence[Column], arrays: Arrays) -> Rules | None:
    """The rules that `write_rules` took apart; raises `FitError` when the parts do not fit."""
    if document is None:
        return None
    if len(document.constraints) > MAX_CONSTRAINTS:
        raise damaged(f"it has {len(document.constraints)} constraints")
    groups = []
    for number, members in enumerate(document.groups):
        tuples = arrays.get(f"rules.{number}.tuples", np.int32, (None, len(members)))
        if not (len(members) == len(set(members)) and all(0 <= i < len(columns) for i in members)):
            raise damaged("combinations are of columns that are not there")
        sizes = np.array([columns[i].tokens for i in members])
        if not 0 < len(tuples) <= MAX_TUPLES or tuples.min() < 0 or (tuples >= sizes).any():
            raise damaged("combinations have tokens that their columns do not have")
        groups.append(Group(columns=members, tuples=tuples))
    try:
        return compile_rules(document.constraints, columns, groups)
    except MintageError as exc:
        raise damaged(f"its constraints do not fit its columns: {exc.message}") from exc
