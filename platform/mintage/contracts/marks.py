"""What a file of rows says of its own origin: schema metadata that survives a copy of the file alone."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

_PREFIX = "mintage."
_MAX_MARKS = 16
_MAX_CHARACTERS = 200


def with_mark(schema: pa.Schema, mark: Mapping[str, str]) -> pa.Schema:
    """The schema with a mark, and no other metadata: what a connector is given to write parts with."""
    return schema.with_metadata({_PREFIX + name: value for name, value in mark.items()} or None)


def mark_of(schema: pa.Schema) -> dict[str, str]:
    """The mark in a schema's metadata, empty when there is none; what others put there is left alone.

    >>> marked = with_mark(pa.schema({"age": pa.int64()}), {"synthetic": "true"})
    >>> mark_of(marked), mark_of(marked.remove_metadata())
    ({'synthetic': 'true'}, {})
    """
    found: dict[str, str] = {}
    for key, value in (schema.metadata or {}).items():
        name = key.decode("utf-8", "replace")
        if name.startswith(_PREFIX) and len(name) <= _MAX_CHARACTERS and len(found) < _MAX_MARKS:
            found[name.removeprefix(_PREFIX)] = value.decode("utf-8", "replace")[:_MAX_CHARACTERS]
    return found


def only_mark(schema: pa.Schema) -> pa.Schema:
    """The schema with its mark, and no other metadata."""
    return with_mark(schema, mark_of(schema))
