"""JSON as a spec needs it: strict, bounded in size and depth."""

from __future__ import annotations

import json
from typing import NoReturn

from mintage.errors import SpecError
from mintage.spec._base import MAX_DEPTH
from mintage.spec._yaml import check_size

_MAX_DIGITS = 100


def parse_json(text: str) -> object:
    """The value of a JSON text. Raises `SpecError` with line and column."""
    check_size(text)
    try:
        value: object = json.loads(
            text, object_pairs_hook=_without_duplicates, parse_constant=_refuse_constant, parse_int=_integer
        )
    except json.JSONDecodeError as exc:
        raise SpecError(
            f"line {exc.lineno}, column {exc.colno}: is not valid JSON: {exc.msg}",
            "check commas, quotes and brackets",
        ) from exc
    except RecursionError as exc:
        raise _too_deep() from exc
    _check_depth(value)
    return value


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    values: dict[str, object] = {}
    for key, value in pairs:
        if key in values:
            raise SpecError(f"the key {key!r} is there twice", "remove one of the two")
        values[key] = value
    return values


def _refuse_constant(word: str) -> NoReturn:
    raise SpecError(f"{word} is no JSON number", "use null for a missing value")


def _integer(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise SpecError(f"a number has {len(digits)} digits", f"write at most {_MAX_DIGITS}")
    return int(digits)


def _check_depth(value: object) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            item
            for node in level
            if isinstance(node, dict | list)
            for item in (node.values() if isinstance(node, dict) else node)
        ]
        if not level:
            return
    raise _too_deep()


def _too_deep() -> SpecError:
    return SpecError(f"is nested deeper than {MAX_DEPTH} levels", "make it flatter")
