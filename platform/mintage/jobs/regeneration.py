"""`mintage.regenerate`: mint a signed shard again, and say how equal the two are.

    signature > plan > record of the shard > model > environment > mint again, elsewhere > compare

Nothing of the data set is believed before what vouches for it was checked; only plugins that are
installed here run; nothing is written to the data set, unless a part that is missing is to be restored.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from mintage.contracts import Determinism
from mintage.engine import events
from mintage.engine.bench import Bench, trust_installed_plugins
from mintage.engine.closeness import Tolerance
from mintage.engine.environment import Difference, Environment
from mintage.engine.equality import Committed, Reminted, ShardEquality
from mintage.engine.plans import signed_plan
from mintage.engine.regeneration import (
    compare_with_signed,
    find_committed,
    mint_again,
    scratch_store,
)
from mintage.errors import ObjectExistsError, ProvenanceError, SpecError
from mintage.jobs.verification import trusted_policy
from mintage.plan import Plan
from mintage.provenance.committed import find_damage, signed_part
from mintage.provenance.policy import Policy
from mintage.provenance.proven import prove_shard
from mintage.provenance.records import ShardRecord, TableRecord
from mintage.provenance.statements import Statement
from mintage.store import ObjectStore

_CHUNK_BYTES = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Regenerated:
    """A shard that was minted again, and how equal it is to the signed one."""

    dataset: str
    version: int
    root: str
    claimed: Determinism
    """What the model claims, and the exit code asks for."""
    expected: Determinism
    """What can be counted on here: no more than is claimed, less where the environment differs."""
    differences: tuple[Difference, ...]
    """What is another here than where the data set was made."""
    found: ShardEquality
    parts: Mapping[str, str]
    """By table: `intact`, `missing`, `damaged` or `restored`; `unknown` when the commit is not to be had."""
    notes: tuple[str, ...]
    out: str | None
    """Where the new parts were left, if they were to be kept."""
    seconds: float
    restore: bool = False
    """Whether parts were to be restored."""

    @property
    def equality(self) -> Determinism:
        """The strongest equality that holds."""
        return self.found.equality

    @property
    def ok(self) -> bool:
        """Whether the claim holds, and no part is left to be restored where that was asked for."""
        whole = all(state in ("intact", "restored") for state in self.parts.values())
        return self.found.keeps(self.claimed) and (whole or not self.restore)

    def to_json(self) -> dict[str, object]:
        """The report as plain JSON values."""
        return {
            "ok": self.ok,
            "dataset": self.dataset,
            "version": self.version,
            "root": self.root,
            "shard": self.found.shard,
            "equality": self.equality.value,
            "claimed": self.claimed.value,
            "expected": self.expected.value,
            "environment": [difference.to_json() for difference in self.differences],
            "tables": [table.model_dump(mode="json") for table in self.found.tables],
            "parts": dict(self.parts),
            "notes": list(self.notes),
            "out": self.out,
            "seconds": round(self.seconds, 3),
        }


def _silent(event: events.Event) -> None:
    del event


def regenerate(
    uri: str,
    shard: int,
    *,
    keys: Sequence[Path | str] | None = None,
    policy: Path | str | None = None,
    version: int | None = None,
    out: str | None = None,
    restore: bool = False,
    tolerance: Tolerance | None = None,
    storage: Mapping[str, object] | None = None,
    on_event: events.OnEvent = _silent,
) -> Regenerated:
    """Mint shard `shard` of the data set at `uri` again, and compare it with what was signed.

    `policy` is a file that says whom to trust with what; `keys` are files with public keys, any of which
    may have signed. Without either it is the local identity's key. `version` is the newest by default.
    The new parts are left in the store `out` when it is given. `restore` puts parts back that are
    missing, if the new ones are equal to the byte. `tolerance` says which numbers are close.

    Raises `ProvenanceError` when signature, plan, record or model are not what they must be,
    `PluginError` for a plugin that is not installed here, and `SpecError` for a shard there is none of.
    """
    started = time.monotonic()
    store = ObjectStore.open(uri, options=storage)
    on_event(events.PhaseStarted(phase="read", detail=f"shard {shard}"))
    signed = _read_signed(store, shard, version, trusted_policy(keys, policy))
    bench = Bench.of(store, trust_installed_plugins(signed.plan))
    differences = _differences(signed, on_event)
    with ExitStack() as stack:
        output = _open_output(out, store) if out else stack.enter_context(scratch_store())
        on_event(events.PhaseStarted(phase="mint", detail=f"shard {shard} again"))
        again = mint_again(bench, shard, output)
        committed = find_committed(store, signed.record, signed.plan.digest, signed.plan.run_id)
        found = compare_with_signed(bench, signed.record, committed, again, tolerance or Tolerance())
        parts, notes = _look_after(committed, signed.record, again, restore=restore)
    return Regenerated(
        dataset=store.uri,
        version=signed.statement.predicate.version,
        root=signed.statement.root,
        claimed=signed.claimed,
        expected=_weakest([signed.claimed, *(difference.expected for difference in differences)]),
        differences=differences,
        found=found,
        parts=parts,
        notes=tuple(notes),
        out=output.uri if out else None,
        seconds=time.monotonic() - started,
        restore=restore,
    )


def _differences(signed: _Signed, on_event: events.OnEvent) -> tuple[Difference, ...]:
    """In what this environment differs from the one that minted the shard, which is told as well."""
    differences = signed.environment.differences(Environment.here(signed.environment.versions))
    for difference in differences:
        on_event(events.Warned(message=difference.advice))
    return differences


@dataclass(frozen=True, slots=True, kw_only=True)
class _Signed:
    """A shard as it was signed, and the plan that it was minted by."""

    statement: Statement
    plan: Plan
    record: ShardRecord

    @property
    def claimed(self) -> Determinism:
        """What the model claims, as the plan has it."""
        try:
            return Determinism(self.plan.model.determinism)
        except ValueError as exc:
            raise ProvenanceError(
                f"the plan claims the determinism {self.plan.model.determinism!r}, which is unknown",
                "use the version of Mintage that made the data set",
            ) from exc

    @property
    def environment(self) -> Environment:
        """Where the data set was made, as far as that was signed."""
        there = Environment.of(self.statement.environments.get(str(self.plan.first_shard)))
        return Environment(versions={**there.versions, **self.plan.versions}, hardware=there.hardware)


def _read_signed(store: ObjectStore, shard: int, version: int | None, policy: Policy) -> _Signed:
    """Check the signature, then the plan and the record that follow from it."""
    proven = prove_shard(store, shard, policy, version)
    plan, record = signed_plan(store, proven.segment), proven.record
    if record.model != plan.model.digest:
        raise ProvenanceError(
            f"shard {shard} was made by the model {record.model}, but the plan names {plan.model.digest}",
            "what was signed contradicts itself: ask its signer",
        )
    return _Signed(statement=proven.statement, plan=plan, record=record)


def _open_output(out: str, store: ObjectStore) -> ObjectStore:
    output = ObjectStore.open(out)
    inside, outside = f"{output.uri.rstrip('/')}/", f"{store.uri.rstrip('/')}/"
    if inside.startswith(outside) or outside.startswith(inside):
        raise SpecError(
            f"out: {output.uri} and the data set {store.uri} are not apart", "name another folder"
        )
    return output


def _look_after(
    committed: Committed, signed: ShardRecord, again: Reminted, *, restore: bool
) -> tuple[dict[str, str], list[str]]:
    """What became of the committed parts, put back where that is asked for and possible; and notes."""
    states, notes = dict.fromkeys(signed.tables, "unknown"), []
    if not committed.paths:
        return states, [f"{committed.missing}; restore it from a copy: it says where the parts lie"]
    for table, record in signed.tables.items():
        path = committed.paths[table]
        states[table] = find_damage(committed.store, path, record)
        if states[table] == "intact":
            continue
        if not restore:
            notes.append(f"{path} is {states[table]}: --restore puts back a missing part that is equal again")
        elif again.record.tables[table].sha256 != record.sha256:
            notes.append(f"{path} is not restored: what was minted again has other bytes")
        else:
            states[table], note = _put_back(committed.store, path, record, again, table)
            notes.append(note)
    return states, notes


def _put_back(
    store: ObjectStore, path: str, record: TableRecord, again: Reminted, table: str
) -> tuple[str, str]:
    """Create a part that is missing from the one that has its digest."""
    try:
        with signed_part(again.output, again.parts[table], record) as copy, store.part(path) as part:
            while chunk := copy.read(_CHUNK_BYTES):
                part.write(chunk)
            part.commit()
    except ObjectExistsError:
        return "damaged", (
            f"{path} is damaged, and nothing is overwritten: move {store.uri.rstrip('/')}/{path} away, "
            "then regenerate with --restore again"
        )
    state = find_damage(store, path, record)
    return ("restored", f"{path} was put back") if state == "intact" else (state, f"{path} is {state} again")


def _weakest(classes: Sequence[Determinism]) -> Determinism:
    return min(classes, key=lambda one: one.strength)
