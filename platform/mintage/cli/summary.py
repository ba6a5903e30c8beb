"""What a command did, in a few lines for a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mintage.plugins import PluginRef
    from mintage.provenance.verify import VerifyReport

_SHOWN = 20


def run_summary(summary: Mapping[str, Any]) -> str:
    """What was made, how fast, what was rejected and why, where it lies, its root, who signed it."""
    phases = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in summary["phases"].items())
    lines = [
        f"{summary['rows']:,} rows in {summary['seconds']:.1f} s",
        f"speed     {summary['rows_per_second']:,.0f} rows/s by {summary['workers']} workers ({phases})",
        f"tables    {_counts(summary['tables'])}",
        f"rejected  {_rejected(summary)}",
    ]
    if summary["tagged"]:
        lines.append(f"tagged    {_counts(summary['tagged'])}")
    if summary["resumed_shards"]:
        lines.append(f"resumed   {summary['resumed_shards']:,} shards were committed before")
    lines += [
        f"dataset   {summary['dataset']}, version {summary['version']}",
        f"run       {summary['run_id']}",
        f"root      {summary['root']}",
        f"signed    {_signed(summary)}",
    ]
    return "\n".join(lines)


def verify_summary(dataset: str, report: VerifyReport) -> str:
    """Whether a data set is what was signed, and what is wrong with it otherwise."""
    if report.ok:
        return f"ok: {dataset} is what was signed, {report.checked:,} checks passed"
    failures = [
        f"  {failure.code}  {failure.path}: {failure.message}" for failure in report.failures[:_SHOWN]
    ]
    if more := len(report.failures) - len(failures):
        failures.append(f"  and {more:,} more, see --json")
    return "\n".join([f"FAILED: {dataset} is not what was signed", *failures])


def plugins_summary(refs: Sequence[PluginRef]) -> str:
    """The plugins by group, with what brought them."""
    width = max((len(ref.name) for ref in refs), default=0)
    lines: list[str] = []
    for group in dict.fromkeys(ref.group for ref in refs):
        lines += [group, *(_plugin(ref, width) for ref in refs if ref.group == group)]
    return "\n".join(lines)


def _plugin(ref: PluginRef, width: int) -> str:
    return f"  {ref.name:<{width}}  {ref.distribution} {ref.version}"


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())


def _rejected(summary: Mapping[str, Any]) -> str:
    rejected: Mapping[str, int] = summary["rejected"]
    if not rejected:
        return "nothing"
    by_count = dict(sorted(rejected.items(), key=lambda item: (-item[1], item[0])))
    return _counts(by_count)


def _signed(summary: Mapping[str, Any]) -> str:
    if not summary["key_id"]:
        return "no"
    return f"by key {summary['key_id']} ({summary['key_path']})"
