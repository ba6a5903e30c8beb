"""Files that say in other forms what a version says, and are named by its statement like a report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from mintage.provenance.statements import Folded


class Exports(NamedTuple):
    """What is made of a version when its shards are folded, before it is signed."""

    names: frozenset[str]
    """The names of the files."""
    render: Callable[[int, Folded], Mapping[str, bytes]]
    """The files by name, from the version's number and its fold; the same bytes at every try."""


NO_EXPORTS = Exports(frozenset(), lambda version, folded: {})  # noqa: ARG005  # nothing is made of anything
