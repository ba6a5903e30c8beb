"""The run id: what determines the content of a data set, known before anything is fitted."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from mintage.provenance.canonical import canonical_json

FORMAT = "mintage-run/1"


def make_run_id(
    content: Mapping[str, object], *, source: str | None, model: str | None, versions: Mapping[str, str]
) -> str:
    """64 hex digits that name a run.

    `content` is the accepted spec without sink, resources, signing and telemetry; `source` the
    source's digest; `model` the digest of a model fitted before, when the spec names one;
    `versions` those of the platform and of each plugin used.
    """
    identity = {
        "format": FORMAT,
        "spec": dict(content),
        "source": source,
        "model": model,
        "versions": dict(versions),
    }
    return hashlib.sha256(canonical_json(identity)).hexdigest()
