"""Whether a job may be done: where its rows would come from, held against the limits of its spec.

    source    a data set of ours   its statement, when somebody trusted has signed it
              a declared table     its attestation, likewise
              anything else        unknown; what is marked as synthetic is that, whoever copied it
    model     the lineage of the data set that it was fitted for

It is decided before anything is fitted, and stands in the plan from then on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path

from mintage.engine import events
from mintage.errors import MintageError, SpecError
from mintage.jobs.datasets import DatasetReader, mark_of_dataset
from mintage.jobs.source_attestations import find_declaration
from mintage.jobs.sources import Piece
from mintage.provenance.heads import read_head, read_statement, versions
from mintage.provenance.lineage import (
    MAX_GENERATION,
    Ancestor,
    Kind,
    Lineage,
    Parent,
    Waiver,
    derive,
    unknown_ancestor,
)
from mintage.provenance.lineage_policy import LineagePolicy, LineageProblem, check_lineage
from mintage.provenance.signing import PublicKey
from mintage.provenance.source_statement import Believed, Doubted
from mintage.provenance.statements import Head, Statement
from mintage.settings import Settings
from mintage.spec import LineageSpec
from mintage.store import ObjectStore

_TRUST = "lineage.trust names the keys whose word counts, by default this machine's own"


def admit(
    spec: LineageSpec,
    pieces: Sequence[Piece],
    origin: ObjectStore | None,
    model: str | None,
    on_event: events.OnEvent,
) -> Lineage:
    """The lineage of what the job makes, if the limits allow it, or if they are waived.

    `pieces` are what is learned from, `origin` and `model` the data set whose model is used and the
    model's digest. Raises `SpecError` that names each limit that is not kept. What was said but is not
    believed becomes a warning.
    """
    keys = trusted_by(spec)
    if origin is not None and model is not None:
        ancestors = [_of_model(origin, model, keys, on_event)]
    else:
        ancestors = [_of_piece(piece, keys, on_event) for piece in pieces]
    return _judge(spec, derive(ancestors), on_event)


def admit_again(spec: LineageSpec, lineage: Lineage) -> None:
    """Hold a lineage that stands in a plan against limits that may be new ones; raises `SpecError`."""
    problems = check_lineage(lineage, policy_of(spec))
    waived = lineage.waiver.problems if lineage.waiver else ()
    if left := [problem for problem in problems if str(problem) not in waived]:
        raise _refusal(left, "the plan of this data set stands: write to a new sink")


def policy_of(spec: LineageSpec) -> LineagePolicy:
    """The limits of a spec."""
    least = spec.min_real_fraction
    return LineagePolicy(
        max_generation=spec.max_generation,
        min_real_fraction=None if least is None else Decimal(str(least)),
        forbid_roots=frozenset(spec.forbid_roots),
        require_attested=spec.require_attested,
        mode=spec.mode,
    )


def trusted_by(spec: LineageSpec) -> list[PublicKey]:
    """The keys whose word is believed; none when there is not even a local identity yet."""
    if spec.trust:
        return [PublicKey.load(path) for path in spec.trust]
    own = Path(f"{Settings.read().identity}.pub")
    return [PublicKey.load(own)] if own.exists() else []


def _judge(spec: LineageSpec, lineage: Lineage, on_event: events.OnEvent) -> Lineage:
    problems = check_lineage(lineage, policy_of(spec))
    if not problems:
        return lineage
    if spec.waive is None:
        raise _refusal(problems, "or waive it with lineage.waive: REASON, which is signed with the data set")
    told = tuple(str(problem) for problem in problems)
    on_event(events.Warned(message=f"waived ({spec.waive}): {'; '.join(told)}"))
    return lineage.model_copy(update={"waiver": Waiver(reason=spec.waive, problems=told)})


def _refusal(problems: Sequence[LineageProblem], otherwise: str) -> SpecError:
    told = "; ".join(f"lineage.{problem}" for problem in problems[:10])
    more = f"; and {len(problems) - 10} more" if len(problems) > 10 else ""
    todo = dict.fromkeys(problem.todo for problem in problems)
    return SpecError(f"{told}{more}", f"{'; '.join(todo)}; {otherwise}")


def _of_model(
    origin: ObjectStore, model: str, keys: Sequence[PublicKey], on_event: events.OnEvent
) -> Ancestor:
    """The lineage of the data set that the model was fitted for: the newest version that is about it."""
    reason = "it holds no signed version"
    for version in reversed(versions(origin)):
        try:
            head = read_head(origin, version)
            statement = read_statement(origin, head, keys)
        except MintageError as exc:
            if exc.retryable:
                raise
            reason = exc.message
            continue
        if statement.claims.model != model:
            reason = f"version {version} is about another model"
            continue
        return _inherited(statement, head, kind="model", digest=model, weight=None)
    on_event(
        events.Warned(message=f"the lineage of the model in {origin.uri} is not believed: {reason}; {_TRUST}")
    )
    return unknown_ancestor("model", model, kind="model", at_least=1)


def _of_piece(piece: Piece, keys: Sequence[PublicKey], on_event: events.OnEvent) -> Ancestor:
    """What is known of a table that is learned from."""
    if isinstance(piece.reader, DatasetReader):
        return _of_dataset(piece.reader, keys, on_event)
    found = find_declaration(piece.spec.uri, piece.spec.attestation, piece.digest, keys, piece.spec.storage)
    if isinstance(found, Believed):
        return _of_declared(found)
    name = _title(piece)
    if isinstance(found, Doubted):
        on_event(events.Warned(message=f"the attestation of {name} is not believed: {found}; {_TRUST}"))
    marks = [mark for mark in piece.reader.marks() if "synthetic" in mark]
    if not marks:
        return unknown_ancestor(name, piece.digest)
    at_least = max(1, *(_told_generation(mark) for mark in marks))
    on_event(
        events.Warned(
            message=f"{name} says of itself that it is synthetic, of generation {at_least} or later: "
            "name the data set that it was copied from, to know its lineage"
        )
    )
    return unknown_ancestor(name, piece.digest, kind="synthetic", at_least=at_least)


def _of_declared(found: Believed) -> Ancestor:
    source = found.source
    parent = Parent(
        name=source.name,
        kind="real",
        digest=source.digest,
        statement=found.statement,
        generation=0,
        real_fraction=Decimal(1),
        weight=source.rows,
    )
    return Ancestor(parent=parent, roots=(source.digest,))


def _of_dataset(reader: DatasetReader, keys: Sequence[PublicKey], on_event: events.OnEvent) -> Ancestor:
    """What the statement of a data set says of it; its rows were held against the root when it was opened."""
    dataset = reader.dataset
    head = dataset.manifest.head
    try:
        statement = read_statement(dataset.store, head, keys)
        if (statement.root, statement.predicate.tree.size) == (head.root, head.size):
            return _inherited(statement, head, kind="synthetic", digest=statement.root, weight=reader.rows)
        reason = "its head does not agree with its statement"
    except MintageError as exc:
        if exc.retryable:
            raise
        reason = exc.message
    on_event(events.Warned(message=f"the lineage of {dataset.store.uri} is not believed: {reason}; {_TRUST}"))
    name = dataset.manifest.statement.name
    at_least = _told_generation(mark_of_dataset(dataset))
    return unknown_ancestor(name, head.root, kind="synthetic", at_least=at_least, weight=reader.rows)


def _inherited(statement: Statement, head: Head, *, kind: Kind, digest: str, weight: int | None) -> Ancestor:
    lineage = statement.lineage
    parent = Parent(
        name=statement.name,
        kind=kind,
        digest=digest,
        statement=head.statement,
        generation=lineage.generation,
        at_least=lineage.at_least,
        real_fraction=lineage.real_fraction,
        weight=weight,
    )
    return Ancestor(parent=parent, roots=lineage.roots, mode=lineage.mode)


def _told_generation(mark: Mapping[str, str]) -> int:
    """The least generation that a mark tells; 1 when it tells none that can be."""
    text = mark.get("generation_at_least", "")
    return min(int(text), MAX_GENERATION - 1) if text.isascii() and text.isdigit() else 1


def _title(piece: Piece) -> str:
    """What a source is called: the last step of its location, which is no place of this machine."""
    return (piece.spec.uri or piece.table).rstrip("/").rpartition("/")[2] or piece.table
