"""Sums over the shard records of a version, table by table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from mintage.provenance.records import ShardRecord


@dataclass(slots=True)
class Totals:
    """What the tables of all shards seen so far come to."""

    rows: Counter[str] = field(default_factory=Counter)
    bytes: Counter[str] = field(default_factory=Counter)
    drawn: Counter[str] = field(default_factory=Counter)
    accepted: Counter[str] = field(default_factory=Counter)
    orphaned: Counter[str] = field(default_factory=Counter)
    rejected: dict[str, Counter[str]] = field(default_factory=dict)
    tagged: dict[str, Counter[str]] = field(default_factory=dict)

    def add(self, record: ShardRecord) -> None:
        """Count a shard in."""
        for name, table in record.tables.items():
            verdicts = table.verdicts
            self.rows[name] += table.rows
            self.bytes[name] += table.bytes
            self.drawn[name] += verdicts.drawn
            self.accepted[name] += verdicts.accepted
            self.orphaned[name] += verdicts.orphaned
            _add(self.rejected, name, verdicts.rejected)
            _add(self.tagged, name, verdicts.tagged)

    def tables_json(self) -> dict[str, object]:
        """Rows and bytes of each table."""
        return {
            name: {"rows": str(self.rows[name]), "bytes": str(self.bytes[name])} for name in sorted(self.rows)
        }

    def verdicts_json(self) -> dict[str, object]:
        """What the operators said, of each table."""
        return {
            name: {
                "drawn": str(self.drawn[name]),
                "accepted": str(self.accepted[name]),
                "orphaned": str(self.orphaned[name]),
                "rejected": _counts(self.rejected[name]),
                "tagged": _counts(self.tagged[name]),
            }
            for name in sorted(self.rows)
        }


def _add(sums: dict[str, Counter[str]], name: str, counts: Mapping[str, int]) -> None:
    if name not in sums:
        sums[name] = Counter()
    for reason, count in counts.items():
        sums[name][reason] += count


def _counts(counter: Counter[str]) -> dict[str, str]:
    return {name: str(count) for name, count in sorted(counter.items())}
