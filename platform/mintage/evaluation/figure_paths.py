"""Paths through the models of a report: where they may lead, and what lies at their end.

An entry of a list is taken by its `name`, an entry of a mapping by its key, and `*` takes every entry of
a list; of those the greatest counts.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator, Mapping, Sequence

from pydantic import BaseModel

EACH = "*"
"""A step that leads to every entry of a list."""


def leads_to_number(kind: object, steps: Sequence[str]) -> bool:
    """Whether a path through a type, such as a model, can end at a number.

    >>> from mintage.evaluation.results import Privacy
    >>> leads_to_number(Privacy, ["membership", "advantage", "low"])
    True
    >>> leads_to_number(Privacy, ["membership", "advantage"])
    False
    """
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Annotated:
        return leads_to_number(arguments[0], steps)
    if origin in (typing.Union, types.UnionType):
        return any(leads_to_number(argument, steps) for argument in arguments)
    if not steps:
        return kind in (int, float)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        field = kind.model_fields.get(steps[0])
        return field is not None and leads_to_number(field.annotation, steps[1:])
    if origin is tuple:
        places = {str(place): argument for place, argument in enumerate(arguments)}
        return steps[0] in places and leads_to_number(places[steps[0]], steps[1:])
    if origin is dict or (origin is list and "name" in getattr(arguments[0], "model_fields", {})):
        return any(leads_to_number(arguments[-1], steps[count:]) for count in range(1, len(steps) + 1))
    return False


def number_paths(model: type[BaseModel], prefix: str) -> Iterator[str]:
    """Every dotted path below a model that leads to a number, but for those through lists and mappings."""
    for name, field in model.model_fields.items():
        path = f"{prefix}.{name}"
        if leads_to_number(field.annotation, []):
            yield path
        union = typing.get_origin(field.annotation) in (typing.Union, types.UnionType)
        for kind in typing.get_args(field.annotation) if union else (field.annotation,):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from number_paths(kind, path)


def read_number(model: BaseModel, steps: Sequence[str]) -> float | None:
    """The number at the end of a path; None when anything on the way is missing."""
    return _number(_follow(model, steps))


def notes_along(model: BaseModel, steps: Sequence[str]) -> Iterator[str]:
    """The `notes` of the models on a path, the innermost first."""
    below = getattr(model, steps[0], None) if steps else None
    if isinstance(below, BaseModel):
        yield from notes_along(below, steps[1:])
    yield from getattr(model, "notes", ())


def _number(value: object) -> float | None:
    if isinstance(value, list):
        # The worst of a list is known only when each of its entries is.
        numbers = [_number(entry) for entry in value]
        known = [number for number in numbers if number is not None]
        return max(known) if known and len(known) == len(numbers) else None
    return float(value) if isinstance(value, int | float) else None


def _follow(value: object, steps: Sequence[str]) -> object:
    """What lies at the end of a path; None when anything on the way is missing."""
    if not steps or value is None:
        return value
    first, rest = steps[0], steps[1:]
    match value:
        case BaseModel():
            return _follow(getattr(value, first, None), rest)
        case tuple():
            return _follow(value[int(first)], rest)
        case list() if first == EACH:
            return [_follow(entry, rest) for entry in value]
        case list():
            return _entry({entry.name: entry for entry in value}, steps)
        case dict():
            return _entry(value, steps)
    return None


def _entry(entries: Mapping[str, object], steps: Sequence[str]) -> object:
    """Follow a path through a mapping, whose keys (names of columns) may have dots in them."""
    for count in range(len(steps), 0, -1):
        if (key := ".".join(steps[:count])) in entries:
            return _follow(entries[key], steps[count:])
    return None
