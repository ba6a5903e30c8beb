"""Walking up a lineage by statement digests: from a data set to its real sources.

Where a statement lies is only a hint; that it is the one that is meant is shown by its digest, and
whether it may be believed by its signature. What is not found, or not believed, ends its branch: it is
missing or untrusted, and never taken for real. The walk is bounded, whatever it is led through.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from mintage.errors import ProvenanceError
from mintage.provenance.lineage import Lineage, Parent, find_flaws

MAX_NODES = 10_000
MAX_GENERATIONS = 1000

State = Literal["verified", "untrusted", "missing", "unattested", "cut"]
"""`cut`: there is more, but the walk was asked to go no further."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A statement that was looked for: where it was, whether it is believed, and what it says."""

    statement: str
    name: str
    uri: str
    lineage: Lineage | None
    """None: a real source, which comes from nothing."""
    keyids: tuple[str, ...] = ()
    """Who signed it, of those who are trusted; nobody: it is not believed."""
    reason: str = ""
    """Why it is not believed."""
    note: str = ""
    """What is declared of a real source."""
    hints: tuple[str, ...] = ()
    """Locations in which its parents may be found."""


Find = Callable[[Parent, Found], Found | None]
"""Looks for the statement of a parent of something that was found; None when it is not there."""


@dataclass(slots=True, kw_only=True)
class Node:
    """A step of a lineage: what the step below it says of it, and what was found."""

    parent: Parent
    """What the statement below says of it; of the data set itself, what its own says."""
    state: State
    found: Found | None = None
    reason: str = ""
    parents: list[Node] = field(default_factory=list)
    repeated: bool = False
    """Whether it stands elsewhere in the tree with its parents."""

    def to_json(self) -> dict[str, object]:
        """This step alone as plain JSON values."""
        found = self.found
        return {
            **self.parent.to_json(),
            "state": self.state,
            "reason": self.reason or None,
            "uri": found.uri if found else None,
            "signedBy": list(found.keyids) if found else [],
            "note": (found.note or None) if found else None,
            "parents": [parent.parent.statement or parent.parent.digest for parent in self.parents],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Ancestry:
    """A lineage that was walked."""

    root: Node

    def steps(self) -> Iterator[tuple[int, Node]]:
        """Every node with how deep it lies, parents after their child; what is repeated comes again."""
        waiting = [(0, self.root)]
        while waiting:
            depth, node = waiting.pop()
            yield depth, node
            waiting.extend((depth + 1, parent) for parent in reversed(node.parents))

    @property
    def problems(self) -> list[str]:
        """What contradicts itself: what is merely unknown is none."""
        nodes = (node for _, node in self.steps() if node.state == "verified" and node.reason)
        return list(dict.fromkeys(f"{node.parent.name}: {node.reason}" for node in nodes))

    @property
    def is_complete(self) -> bool:
        """Whether every branch ends in a real source that somebody trusted has declared."""
        return all(node.state == "verified" for _, node in self.steps())


def walk(
    start: Found, itself: Parent, find: Find, *, depth: int = MAX_GENERATIONS, max_nodes: int = MAX_NODES
) -> Ancestry:
    """Walk up from a data set, at most `depth` steps and `max_nodes` statements.

    `itself` is the data set as a parent would be told. Raises `ProvenanceError` when there are more
    nodes than that, and when a statement turns out to be its own ancestor, which hashes exclude.
    """
    root = _node(itself, start)
    steps = _Steps(find=find, walked={start.statement: root}, most=max_nodes, name=start.name)
    waiting: list[tuple[Node, int, bool]] = [(root, 0, False)]
    while waiting:
        node, deep, is_done = waiting.pop()
        found = node.found
        if found is None or found.lineage is None or node.state != "verified":
            continue
        if is_done:
            steps.open.discard(found.statement)
        elif deep >= depth and found.lineage.parents:
            node.state = "cut"
        else:
            steps.open.add(found.statement)
            node.parents = [steps.visit(parent, found) for parent in found.lineage.parents]
            waiting.append((node, deep, True))
            waiting.extend((child, deep + 1, False) for child in node.parents if not child.repeated)
    return Ancestry(root=root)


@dataclass(slots=True, kw_only=True)
class _Steps:
    """What was walked so far, and what is being walked."""

    find: Find
    walked: dict[str, Node]
    most: int
    name: str
    open: set[str] = field(default_factory=set)
    """Statements between the start and where the walk is."""
    count: int = 1

    def visit(self, parent: Parent, below: Found) -> Node:
        """One step up. Raises `ProvenanceError` for a circle, and for one step too many."""
        self.count += 1
        if self.count > self.most:
            raise ProvenanceError(
                f"the lineage of {self.name} has more than {self.most} steps: the walk ended at {below.name}",
                "walk fewer generations with --depth, or begin at one of the parents",
            )
        if parent.statement is None:
            return Node(parent=parent, state="unattested", reason="no trusted statement spoke for it")
        if parent.statement in self.open:
            raise ProvenanceError(
                f"the lineage goes in a circle: {parent.name} ({parent.statement}) is its own ancestor",
                "no statement can name itself by digest: what was read is not what it claims to be",
            )
        if (known := self.walked.get(parent.statement)) is not None:
            return Node(
                parent=parent, state=known.state, found=known.found, reason=known.reason, repeated=True
            )
        found = self.find(parent, below)
        if found is not None and found.statement != parent.statement:
            raise ProvenanceError(f"the statement {found.statement} was found in place of {parent.statement}")
        node = self.walked[parent.statement] = _node(parent, found)
        return node


def _node(parent: Parent, found: Found | None) -> Node:
    if found is None:
        return Node(parent=parent, state="missing", reason="its statement was not found")
    if not found.keyids:
        return Node(parent=parent, state="untrusted", found=found, reason=found.reason)
    reason = "; ".join(_contradictions(parent, found))
    return Node(parent=parent, state="verified", found=found, reason=reason)


def _contradictions(parent: Parent, found: Found) -> list[str]:
    """Where a statement does not say of itself what was said of it."""
    if found.lineage is None:
        return [] if parent.kind == "real" else [f"it was declared to be real, but is told as {parent.kind}"]
    lineage = found.lineage
    flaws = find_flaws(lineage)
    if (parent.generation, parent.at_least) != (lineage.generation, lineage.at_least):
        flaws.append(f"it is told as generation {parent.at_least}, but says {lineage.at_least} of itself")
    if parent.real_fraction != lineage.real_fraction:
        flaws.append("it is told with another real fraction than it has")
    return flaws
