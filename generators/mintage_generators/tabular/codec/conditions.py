"""Conditions on rows as masks over the tokens of columns."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from mintage.contracts import Choice, Scalar
from mintage.errors import ConditionError
from mintage_generators.tabular.codec.choices import choose, to_number
from mintage_generators.tabular.codec.column import Column, ExactColumn
from mintage_generators.tabular.codec.domains import Domain
from mintage_generators.tabular.codec.functions import Function
from mintage_generators.tabular.codec.physical import is_text
from mintage_generators.tabular.codec.scalars import read_scalar


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What the columns may hold: by column index, tokens allowed (bool) and the value written out.

    `domains` are of columns of which only some values of a token are allowed.
    """

    allowed: Mapping[int, np.ndarray]
    written: Mapping[int, pa.Scalar]
    domains: Mapping[int, Domain] = field(default_factory=dict)


def read_conditions(
    columns: Sequence[Column],
    functions: Sequence[Function],
    fixed: Mapping[str, Scalar],
    excluded: Mapping[str, tuple[Scalar, ...]],
    within: Mapping[str, Choice] | None = None,
) -> Conditions:
    """Masks that meet the conditions exactly; raises `ConditionError` where none can.

    A condition on a column that is a function of another becomes a condition on that other one.
    """
    index = {column.name: i for i, column in enumerate(columns)}
    allowed: dict[int, np.ndarray] = {}
    written: dict[int, pa.Scalar] = {}
    for name, value in fixed.items():
        i = _known(index, name)
        scalar, token = _fixed_token(columns[i], value)
        written[i], allowed[i] = scalar, np.arange(columns[i].tokens) == token
    for name, values in excluded.items():
        i = _known(index, name)
        for value in values:
            made = columns[i].tokens_making(read_scalar(name, columns[i].type, value))
            allowed[i] = allowed.get(i, np.ones(columns[i].tokens, np.bool_)) & ~made
    domains: dict[int, Domain] = {}
    for name, choice in (within or {}).items():
        i = _known(index, name)
        chosen = choose(columns[i], choice)
        before = allowed.get(i, np.ones(columns[i].tokens, np.bool_))
        allowed[i] = before & (chosen.tokens() if isinstance(chosen, Domain) else chosen)
        if isinstance(chosen, Domain):
            domains[i] = _with_written(chosen.among(before), written.get(i))
            allowed[i] &= domains[i].tokens()
    for i in list(allowed):
        _need_some(columns[i], allowed[i])
    _follow(columns, functions, allowed)
    domains = {i: domain.among(allowed[i]) for i, domain in domains.items()}
    return Conditions(allowed=allowed, written=written, domains=domains)


def _with_written(domain: Domain, value: pa.Scalar | None) -> Domain:
    """The domain cut down to a value that is fixed as well, if any."""
    if value is None or not value.is_valid:
        return domain
    number = to_number(domain.column, value)
    return domain if np.isnan(number) else domain.between([(number, number)], free=False)


def _follow(columns: Sequence[Column], functions: Sequence[Function], allowed: dict[int, np.ndarray]) -> None:
    for function in functions:
        if function.result in allowed:
            source = function.source
            results = np.append(allowed[function.result], False)[function.table]
            allowed[source] = allowed.get(source, np.ones(columns[source].tokens, np.bool_)) & results
            _need_some(columns[source], allowed[source])


def _known(index: Mapping[str, int], name: str) -> int:
    if name not in index:
        near = difflib.get_close_matches(name, index, n=3)
        known = ", ".join(near or list(index)[:20])
        raise ConditionError(f"there is no column {name!r} to set a condition on", f"known columns: {known}")
    return index[name]


def _fixed_token(column: Column, value: Scalar) -> tuple[pa.Scalar, int]:
    scalar = read_scalar(column.name, column.type, value)
    token = column.token_of(scalar)
    if token is None:
        raise ConditionError(
            f"column {column.name!r} cannot be {value!r}: the model never saw it in enough rows, "
            "or it lies outside the values that the model makes",
            f"{_near(column, value)}values made: {column.describe()}",
        )
    return scalar, token


def _near(column: Column, value: Scalar) -> str:
    if not (isinstance(column, ExactColumn) and is_text(column.type) and isinstance(value, str)):
        return ""
    levels = [level for level in column.values.to_pylist() if level is not None]
    near = difflib.get_close_matches(value, levels[:10_000], n=3)
    return f"did you mean {', '.join(repr(level) for level in near)}? " if near else ""


def _need_some(column: Column, allowed: np.ndarray) -> None:
    if not allowed.any():
        raise ConditionError(
            f"the conditions leave no value for column {column.name!r}",
            f"take back some of them; values made: {column.describe()}",
        )
