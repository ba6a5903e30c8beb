"""The version that an append goes on from: read, and believed, before anything is added to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from mintage.errors import MintageError, ProvenanceError
from mintage.provenance.checks.plans import find_plan_problems
from mintage.provenance.heads import latest_head, read_head, read_statement
from mintage.provenance.layout import head_path
from mintage.provenance.segments import Segments
from mintage.provenance.signing import PublicKey
from mintage.provenance.statements import Head, Statement
from mintage.store import ObjectStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A signed version whose shards another one begins with."""

    head: Head
    statement: Statement

    @classmethod
    def read(cls, store: ObjectStore, keys: Sequence[PublicKey], version: int | None = None) -> Self:
        """A version (the newest when none is named), if one of `keys` signed it and its plans are there.

        Whether the shards are those that were signed is found when they are folded again. Raises
        `ProvenanceError` that says why the version cannot be believed.
        """
        head = latest_head(store) if version is None else read_head(store, version)
        if head is None:
            raise ProvenanceError(f"{store.uri} has no signed version", "begin it with sink.mode: create")
        try:
            base = cls(head=head, statement=read_statement(store, head, keys))
            base._check(store)
        except MintageError as exc:
            if exc.retryable:
                raise
            raise ProvenanceError(
                f"version {head.version} of {store.uri} cannot be appended to: {exc.message}",
                "what cannot be verified is not gone on from: name the public keys of those who may have "
                "signed it in sink.trust, or see what is wrong with `mintage verify`",
            ) from exc
        return base

    @property
    def segments(self) -> Segments:
        """Its segments."""
        return self.statement.segments

    def _check(self, store: ObjectStore) -> None:
        signed = self.statement.predicate
        said = (self.head.version, self.head.size, self.head.root)
        if said != (signed.version, signed.tree.size, self.statement.root):
            raise ProvenanceError(f"{head_path(self.head.version)} does not agree with its statement")
        for problem in find_plan_problems(store, self.segments):
            raise ProvenanceError(f"{problem.path}: {problem.message}")
