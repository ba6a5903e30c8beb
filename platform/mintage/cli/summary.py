"""What a command did, in a few lines for a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mintage.jobs.progress import money_text
from mintage.provenance.scope import SHARES

if TYPE_CHECKING:
    from mintage.jobs.imputation import Imputed
    from mintage.plugins import PluginRef
    from mintage.provenance.report import VerifyReport

_SHOWN = 20


def run_summary(summary: Mapping[str, Any]) -> str:
    """What was made, how fast, what was rejected and why, where it lies, its root, who signed it."""
    lines = [
        f"{summary['rows']:,} rows in {summary['seconds']:.1f} s",
        f"speed     {_speed(summary)}",
        f"used      {usage_text(summary['usage'])}",
        f"tables    {_counts(summary['tables'])}",
        f"rejected  {_counts(summary['rejected'])}",
    ]
    if any(summary["tagged"].values()):
        lines.append(f"tagged    {_counts(summary['tagged'])}")
    if summary["resumed_shards"]:
        lines.append(f"resumed   {summary['resumed_shards']:,} shards were committed before")
    if summary["audited"]:
        lines.append(f"audited   {_audited(summary['audited'])}")
    if summary["report"]:
        lines += [f"measured  {_figures(summary['figures'])}", f"report    {summary['report']}"]
    lines += [
        f"lineage   {summary['lineage']}",
        f"dataset   {summary['dataset']}, version {summary['version']}",
        f"run       {summary['run_id']}",
        f"root      {summary['root']}",
        *(f"signed    by key {one['key_id']} ({one['key_path']})" for one in summary["signers"]),
    ]
    return "\n".join(lines)


def verify_summary(dataset: str, report: VerifyReport) -> str:
    """Whether a data set is what was signed, and what is wrong with it otherwise."""
    lines = [*_looked_at(report), *_signers(report), *(f"  note: {note}" for note in report.notes)]
    if report.ok:
        return _plain([f"ok: {dataset} is what was signed", *lines, *_gates(report)])
    failures = [
        f"  {failure.code}  {failure.path}: {failure.message}" for failure in report.failures[:_SHOWN]
    ]
    if more := report.failed - len(failures):
        failures.append(f"  and {more:,} more failures")
    what = "is not what was signed" if report.accepted else "is not what the policy accepts"
    return _plain([f"FAILED: {dataset} {what}", *failures, *lines])


def _plain(lines: Sequence[str]) -> str:
    """Lines that a terminal shows as they are: names of files may hold anything."""
    return "\n".join("".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in line) for line in lines)


def _looked_at(report: VerifyReport) -> list[str]:
    """How much was checked, in which way, and what a sample leaves open."""
    counts = report.checked.to_json()
    shown = [name for name in counts if report.decoded or name not in ("contents", "rows")]
    lines = [f"  checked {', '.join(f'{counts[name]:,} {name}' for name in shown)}"]
    if report.resumed:
        lines.append(
            f"  resumed {report.resumed:,} of these shards: only the sizes of their parts were checked again"
        )
    if report.read:
        lines.append(
            f"  read    {report.read['bytes']:,} bytes besides the parts, "
            f"in {report.read['requests']} requests"
        )
    if (sample := report.sample) is not None:
        lines.append(
            f"  sample  {len(sample.places):,} of {sample.size:,} shards, drawn with the seed {sample.seed}"
        )
        chances = [f"{float(share):.1%}: {sample.escapes(share):.3g}" for share in SHARES]
        lines.append(f"  escapes chance that so many bad shards were all missed: {', '.join(chances)}")
    return lines


def _signers(report: VerifyReport) -> list[str]:
    """Whose signatures count, and how many reviewers accept."""
    lines = [f"  signed  by {signer}" for signer in report.signers]
    if report.accepts is not None:
        lines.append(f"  reviews {report.accepts} accept")
    return lines


def _gates(report: VerifyReport) -> list[str]:
    """What the signed test result says, where there is one."""
    if report.gates is None:
        return []
    warned = f", but these warned: {', '.join(report.gates.warned)}" if report.gates.warned else ""
    failed = f", and these failed: {', '.join(report.gates.failed)}" if report.gates.failed else ""
    return [f"  gates   {len(report.gates.passed)} passed{warned}{failed}"]


def impute_summary(done: Imputed) -> str:
    """How many cells were filled, and which could not be."""
    lines = [
        f"rows      {done.rows:,}",
        f"filled    {_counts({name: count for name, count in done.filled.items() if count})}",
    ]
    if any(done.left_null.values()):
        left = {name: count for name, count in done.left_null.items() if count}
        lines.append(f"left null {_counts(left)}: nothing that the model keeps fits the rest of these rows")
    return "\n".join([*lines, f"written   {done.uri}"])


def plugins_summary(refs: Sequence[PluginRef]) -> str:
    """The plugins by group, with what brought them."""
    width = max((len(ref.name) for ref in refs), default=0)
    lines: list[str] = []
    for group in dict.fromkeys(ref.group for ref in refs):
        lines += [group, *(_plugin(ref, width) for ref in refs if ref.group == group)]
    return "\n".join(lines)


def _plugin(ref: PluginRef, width: int) -> str:
    return f"  {ref.name:<{width}}  {ref.distribution} {ref.version}"


def _audited(probes: Sequence[Mapping[str, str]]) -> str:
    """How many shards were minted again, and how equal they were."""
    shards = "1 shard" if len(probes) == 1 else f"{len(probes):,} shards"
    return f"{shards} minted again: {_counts(Counter(probe['class'] for probe in probes))}"


def _speed(summary: Mapping[str, Any]) -> str:
    phases = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in summary["phases"].items())
    if not summary["rows_per_second"]:
        return f"nothing was left to mint ({phases})"
    workers = "1 worker" if summary["workers"] == 1 else f"{summary['workers']} workers"
    return f"{summary['rows_per_second']:,.0f} rows/s by {workers} ({phases})"


def usage_text(usage: Mapping[str, Any]) -> str:
    """What a run took, and what it costs where prices are set."""
    used, reserved, wasted = usage["used"], usage["reserved"], usage["wasted"]
    parts = [f"{used['cpu_seconds']:,.1f} CPU-seconds"]
    if used["gpu_seconds"] or reserved["gpu_seconds"]:
        parts.append(f"{used['gpu_seconds']:,.1f} GPU-seconds")
    parts.append(f"{used['bytes'] / 1e6:,.1f} MB written")
    if reserved["seconds"]:
        held = f"{reserved['cpu_seconds']:,.1f} CPU-seconds"
        if reserved["gpu_seconds"]:
            held += f" and {reserved['gpu_seconds']:,.1f} GPU-seconds"
        parts.append(f"{held} reserved")
    if wasted["cpu_seconds"]:
        parts.append(f"{wasted['cpu_seconds']:,.1f} CPU-seconds in vain")
    if usage["lost_attempts"]:
        parts.append(f"{usage['lost_attempts']:,} attempts lost, which nobody measured")
    return ", ".join([*parts, *_cost(usage["cost"])])


def _cost(cost: Mapping[str, Any] | None) -> list[str]:
    if cost is None:
        return []
    amount = money_text(cost["amount"], cost["currency"])
    if cost["per_million_rows"] is None:
        return [amount]
    return [f"{amount}, {money_text(cost['per_million_rows'], cost['currency'])} per million rows"]


def _figures(figures: Mapping[str, float | None]) -> str:
    """The first figures of the report that were computed."""
    told = [f"{name} {value:.3g}" for name, value in figures.items() if value is not None]
    return ", ".join(told) or "nothing: see the report for why"


def _counts(counts: Mapping[str, int]) -> str:
    """Names with their counts, the largest first; those without any are left out."""
    by_count = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{name} {count:,}" for name, count in by_count if count) or "nothing"
