"""A lineage in the words of W3C PROV-O, as JSON-LD: what Croissant and catalogues understand.

See https://www.w3.org/TR/prov-o/. Entities are named by the digests of their statements, or of their
content where there is no statement: `urn:mintage:statement:<hex>`, `urn:mintage:content:<hex>`.
"""

from __future__ import annotations

from collections.abc import Mapping

from mintage.provenance.lineage import Lineage, Parent

PROV_CONTEXT: Mapping[str, str] = {"prov": "http://www.w3.org/ns/prov#"}


def prov_of(lineage: Lineage, *, run_id: str, generator: str) -> dict[str, object]:
    """The keys in `prov:` of a data set: the run that made it, and what it was derived from.

    >>> from mintage.provenance.lineage import derive
    >>> sorted(prov_of(derive([]), run_id="7f", generator="rules.orders"))
    ['prov:wasGeneratedBy']
    """
    used = [entity_of(parent) for parent in lineage.parents]
    activity: dict[str, object] = {
        "@type": "prov:Activity",
        "@id": f"urn:mintage:run:{run_id}",
        "prov:label": f"minted by {generator}; {describe(lineage)}",
    }
    if not used:
        return {"prov:wasGeneratedBy": activity}
    activity["prov:used"] = [{"@id": entity["@id"]} for entity in used]
    return {"prov:wasGeneratedBy": activity, "prov:wasDerivedFrom": used}


def describe(lineage: Lineage) -> str:
    """A lineage in a few words.

    >>> from mintage.provenance.lineage import derive, unattested
    >>> describe(derive([]))
    'generation 1, learned from 0 % real rows'
    >>> describe(unattested("sha256:" + "0" * 64))
    'generation unknown (at least 1), learned from an unknown share of real rows'
    """
    told = [_generation(lineage.generation, lineage.at_least)]
    fraction = lineage.real_fraction
    share = "an unknown share of" if fraction is None else f"{float(fraction) * 100:.3g} %"
    told.append(f"learned from {share} real rows")
    if lineage.mode not in (None, "unknown"):
        told.append(f"mode {lineage.mode}")
    return ", ".join(told)


def entity_of(parent: Parent) -> dict[str, object]:
    """A parent as a PROV entity."""
    named = {
        "statement": parent.statement,
        "content": parent.digest,
    }
    kind, digest = next(((kind, digest) for kind, digest in named.items() if digest), ("content", "unknown"))
    return {
        "@type": "prov:Entity",
        "@id": f"urn:mintage:{kind}:{digest.removeprefix('sha256:')}",
        "prov:label": describe_parent(parent),
    }


def describe_parent(parent: Parent) -> str:
    """A parent in a few words: its name, what it is, how far from real rows, and how large."""
    rows = "" if parent.weight is None else f", {parent.weight:,} rows"
    return f"{parent.name}: {parent.kind}, {_generation(parent.generation, parent.at_least)}{rows}"


def _generation(generation: int | None, at_least: int) -> str:
    return f"generation unknown (at least {at_least})" if generation is None else f"generation {generation}"
