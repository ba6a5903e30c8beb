"""Sentences about a version that Croissant and the data card share."""

from __future__ import annotations

from mintage.evaluation.report.wording import count, listed, name, plural, share
from mintage.evaluation.results import Fairness, Privacy
from mintage.jobs.interchange.described import Described
from mintage.provenance.privacy_claim import privacy_claim

_LEARNED = (
    "Synthetic rows repeat what their model learned: rare combinations may be missing, and combinations may "
    "occur that the real world does not have."
)
_UNMEASURED = "How close the rows are to real ones was not measured."


def what(version: Described) -> str:
    """What the data set is, in one sentence."""
    totals = listed([f"{count(version.rows[table])} rows of {name(table)}" for table in version.schema.names])
    return f"A synthetic data set: {totals}, made by Mintage {version.mintage} and signed."


def how(version: Described) -> str:
    """By which method the rows were made, and from what."""
    facts = version.facts
    origin = (
        "which learned from no data"
        if facts.source is None
        else f"which was fitted to a source with the digest {facts.source}"
    )
    told = (
        f"No row was collected: each was drawn from a model of the kind {facts.kind}, {origin}. "
        "Every row passed the rules of the job before it was stored."
    )
    if earlier := version.folded.size - version.shards:
        told += f" The first {plural(earlier, 'shard')} are those of earlier versions, told there."
    return told


def rejected(version: Described) -> str:
    """How many rows the rules refused."""
    drawn = sum(version.folded.totals.drawn.values())
    refused = sum(sum(counts.values()) for counts in version.folded.totals.rejected.values())
    if not refused:
        return f"None of {count(drawn)} rows drawn broke a rule of the job."
    return f"{plural(refused, 'row')} of {count(drawn)} drawn broke a rule of the job and were replaced."


def privacy_sentences(version: Described) -> list[str]:
    """What is promised of privacy, and what attacks found."""
    claim = privacy_claim(version.facts.model.fit)
    if claim["claim"] == "none":
        reason = f" ({claim['reason']})" if "reason" in claim else ""
        sentences = [f"No differential privacy is claimed{reason}."]
    else:
        sentences = [f"Claimed: {claim['claim']}."]
        sentences += [f"Not covered by this: {text}." for text in _texts(claim.get("notCovered"))]
    privacy = version.report.privacy if version.report else None
    if not isinstance(privacy, Privacy):
        return [*sentences, "Attacks on privacy were not tried."]
    copies = privacy.copies
    sentences.append(f"{share(copies.exact_share)} of the rows measured are exact copies of real rows.")
    if privacy.membership is not None:
        points = f"{100 * privacy.membership.advantage.value:.1f}"
        sentences.append(f"The best attack on membership was {points} percentage points above guessing.")
    return sentences


def bias_sentences(version: Described) -> list[str]:
    """What is known of biases: the maker's words, then what was measured between groups."""
    sentences = list(version.datasheet.biases)
    fairness = version.report.fairness if version.report else None
    if isinstance(fairness, Fairness):
        sentences += [
            f"Shares of the groups of {listed([name(column) for column in found.columns])} are off by "
            f"{found.representation_error:.2g} % from the source."
            for found in fairness.protected
        ]
    elif version.facts.source is not None:
        sentences.append("Biases of the source are learned with it; differences of groups were not measured.")
    return sentences


def limit_sentences(version: Described) -> list[str]:
    """What the data set is not: the maker's words, then what holds for any, then gates that warned."""
    sentences = list(version.datasheet.limitations)
    if version.facts.source is not None:
        sentences.append(_LEARNED)
    if version.report is None:
        return [*sentences, _UNMEASURED]
    if warned := [gate.figure for gate in version.report.gates if gate.status == "warn"]:
        sentences.append(f"Outside of the bounds that were set: {listed(warned, 20)}.")
    return [*sentences, *(f"{line[:1].upper()}{line[1:]}." for line in version.report.warnings)]


def _texts(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list | tuple) else []
