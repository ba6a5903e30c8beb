"""Conditions: what a model accepts holds on every root row, and what it cannot do it refuses."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from mintage.contracts import Scalar
from mintage.errors import ConditionError, MintageError
from mintage.testing._drawing import draw
from mintage.testing._scalars import breaking, common_value, is_conditionable
from mintage.testing.errors import ConformanceError, require
from mintage.testing.generator_case import GeneratorCase

_CHECK = "meets_its_conditions"
_ROWS = 40
_UNHEARD_OF = "a value that no column has \u2603"

Fixed = Mapping[str, Scalar]
Excluded = Mapping[str, tuple[Scalar, ...]]


def meets_its_conditions(case: GeneratorCase) -> None:
    """`check` accepts or raises `ConditionError`; what it accepts holds on every root row of every request.

    Tried are, for each root column that is no key: its commonest value, null, and a value that
    cannot be; fixed and excluded, alone and together; and the conditions of the case, which have
    to be accepted.
    """
    schema = case.model.schema
    rows = draw(case.model, case.request())[schema.root]
    fixable: dict[str, Scalar] = {}
    excludable: dict[str, tuple[Scalar, ...]] = {}
    for column in schema.root_table.columns:
        if not is_conditionable(column.type) or column.name in schema.root_table.primary_key:
            continue
        value = common_value(rows[column.name])
        if value is not None and _holds_if_accepted(case, {column.name: value}, {}):
            fixable[column.name] = value
        if value is not None and _holds_if_accepted(case, {}, {column.name: (value,)}):
            excludable[column.name] = (value,)
        _holds_if_accepted(case, {column.name: None}, {})
        _holds_if_accepted(case, {}, {column.name: (None,)})
        _holds_if_accepted(case, {column.name: _UNHEARD_OF}, {})
    _check_together(case, rows, fixable, excludable)
    _check_declared(case)
    _check_refusals(case, fixable)


def _check_together(case: GeneratorCase, rows: pa.Table, fixable: Fixed, excludable: Excluded) -> None:
    if fixable and rows.num_rows:
        _holds_if_accepted(case, {name: common_value(rows[name].slice(0, 1)) for name in fixable}, {})
    _holds_if_accepted(case, {}, excludable)
    for name in list(fixable)[:1]:
        others = {column: values for column, values in excludable.items() if column != name}
        _holds_if_accepted(case, {name: fixable[name]}, others)


def _check_declared(case: GeneratorCase) -> None:
    if case.fixed or case.excluded:
        accepted = _holds_if_accepted(case, case.fixed, case.excluded)
        require(
            accepted, _CHECK, f"refused {_named(case.fixed, case.excluded)}, which the case says it accepts"
        )


def _check_refusals(case: GeneratorCase, fixable: Fixed) -> None:
    unknown = "a column that nobody has"
    _require_refused(case, {unknown: 1}, {})
    _require_refused(case, {}, {unknown: (1,)})
    for name, value in fixable.items():
        _require_refused(case, {name: value}, {name: (value,)})


def _holds_if_accepted(case: GeneratorCase, fixed: Fixed, excluded: Excluded) -> bool:
    if not _accepts(case, fixed, excluded):
        return False
    conditions = _named(fixed, excluded)
    for shard in (0, 1):
        request = case.request(shard=shard, rows=_ROWS, fixed=fixed, excluded=excluded)
        try:
            root = draw(case.model, request)[case.model.schema.root]
        except (ArithmeticError, LookupError, MintageError, TypeError, ValueError) as exc:
            evidence = f"accepted {conditions}, but sampling raised {type(exc).__name__}: {exc}"
            raise ConformanceError(_CHECK, evidence) from exc
        require(
            root.num_rows == _ROWS,
            _CHECK,
            f"{_ROWS} rows with {conditions} were asked for, got {root.num_rows}",
        )
        for name in {*fixed, *excluded}:
            wrong = breaking(root[name], name in fixed, fixed.get(name), excluded.get(name, ()))
            require(not wrong, _CHECK, f"{name!r} has {wrong[:3]}, although the model accepted {conditions}")
    return True


def _accepts(case: GeneratorCase, fixed: Fixed, excluded: Excluded) -> bool:
    try:
        case.model.check(fixed, excluded)
    except ConditionError:
        return False
    except Exception as exc:
        conditions, error = _named(fixed, excluded), f"{type(exc).__name__} instead of ConditionError: {exc}"
        raise ConformanceError(_CHECK, f"for {conditions}, check raised {error}") from exc
    return True


def _require_refused(case: GeneratorCase, fixed: Fixed, excluded: Excluded) -> None:
    accepted = _accepts(case, fixed, excluded)
    require(not accepted, _CHECK, f"accepted {_named(fixed, excluded)}, which no row can meet")


def _named(fixed: Fixed, excluded: Excluded) -> str:
    return f"fixed {dict(fixed)}, excluded {dict(excluded)}"
