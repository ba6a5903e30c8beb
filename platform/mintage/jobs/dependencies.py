"""What a run needed, for its provenance: the source, the files of the model, the installed packages."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib.metadata import Distribution, distributions
from urllib.parse import quote

from mintage.engine.models import StoredModel
from mintage.plan import Plan
from mintage.provenance.facts import Dependency

_SEPARATORS = re.compile(r"[-_.]+")
_FIELD = re.compile(r"^(Name|Version):[ \t]*(\S+)[ \t]*$", re.MULTILINE)
_SHA256 = re.compile(r"[0-9a-f]{64}")
_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")


def run_dependencies(plan: Plan, stored: StoredModel | None) -> list[Dependency]:
    """The resolved dependencies of a run, in a fixed order."""
    return [*_source(plan), *_model(stored), *_packages()]


def _source(plan: Plan) -> list[Dependency]:
    if plan.source is None:
        return []
    # The digest covers the schema and each table's own digest, so it is no digest of one file.
    return [
        Dependency(
            name="source",
            digest={"sha256": plan.source.removeprefix("sha256:")},
            annotations={"digestOf": "mintage-source/1"},
        )
    ]


def _model(stored: StoredModel | None) -> list[Dependency]:
    files = stored.files if stored else {}
    return [
        Dependency(name=f"model/{name}", digest={"sha256": digest}) for name, digest in sorted(files.items())
    ]


@cache  # what is installed does not change under a process that has imported it
def _packages() -> tuple[Dependency, ...]:
    found: dict[str, Dependency] = {}
    for distribution in distributions():
        name, version = _identity(distribution)
        if name and version and name not in found:  # the first one on the path is the one that is imported
            found[name] = _package(name, version, distribution)
    return tuple(found[name] for name in sorted(found))


def _identity(distribution: Distribution) -> tuple[str, str]:
    """Name and version; both are empty where an interrupted installation left broken metadata.

    Only the head of the metadata is looked at: parsing it with the description, of every package, takes
    half a second.
    """
    head = (distribution.read_text("METADATA") or distribution.read_text("PKG-INFO") or "").split("\n\n", 1)[
        0
    ]
    fields = dict(_FIELD.findall(head))
    return _SEPARATORS.sub("-", fields.get("Name", "")).lower(), fields.get("Version", "")


def _package(name: str, version: str, distribution: Distribution) -> Dependency:
    digest, annotations = _origin(distribution)
    return Dependency(
        name=name, uri=f"pkg:pypi/{name}@{quote(version, safe='.')}", digest=digest, annotations=annotations
    )


def _origin(distribution: Distribution) -> tuple[dict[str, str], dict[str, object]]:
    """The digest of what a package was installed from, where its installer wrote one down (PEP 610).

    For packages from an index there is none: the installed files need not be those of the wheel.
    """
    text = distribution.read_text("direct_url.json")
    try:
        value = json.loads(text) if text else {}
    except ValueError:
        return {}, {}
    if not isinstance(value, dict):
        return {}, {}
    if _part(value, "dir_info").get("editable") is True:
        return {}, {"editable": True}
    archive, vcs = _part(value, "archive_info"), _part(value, "vcs_info")
    sha256 = str(_part(archive, "hashes").get("sha256", "")) or str(archive.get("hash", "")).removeprefix(
        "sha256="
    )
    if _SHA256.fullmatch(sha256):
        return {"sha256": sha256}, {}
    commit = str(vcs.get("commit_id", ""))
    return ({"gitCommit": commit}, {}) if _COMMIT.fullmatch(commit) else ({}, {})


def _part(value: Mapping[str, object], key: str) -> Mapping[str, object]:
    part = value.get(key)
    return part if isinstance(part, dict) else {}
