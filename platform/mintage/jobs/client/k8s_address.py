"""Addresses of Kubernetes: `kubernetes://namespace?context=NAME&template=CONFIGMAP`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self
from urllib.parse import parse_qsl, quote, urlsplit

from mintage.errors import SpecError

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_NAME = re.compile(r"[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?")
_KEYS = ("context", "template")
_HINT = "write kubernetes://namespace, or kubernetes://namespace?context=NAME&template=CONFIGMAP"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterAddress:
    """Where RayJobs are made: a namespace, a context of the kubeconfig, and the ConfigMap with the RayJob.

    Without `context` the kubeconfig's own is used, in a pod its service account; without `template` the
    only ConfigMap of the namespace that is labelled `mintage.dev/template=rayjob`.
    """

    namespace: str
    context: str | None = None
    template: str | None = None

    @classmethod
    def parse(cls, address: str) -> Self:
        """Read an address; raises `SpecError` for anything but the form above.

        >>> ClusterAddress.parse("kubernetes://data?context=lab").context
        'lab'
        """
        try:
            parts = urlsplit(address)
            pairs = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
        except ValueError as exc:
            raise SpecError(f"the address {address!r} is no URL: {exc}", _HINT) from exc
        if parts.scheme != "kubernetes" or parts.path not in {"", "/"} or parts.fragment:
            raise SpecError(f"{address!r} is no address of a namespace in Kubernetes", _HINT)
        if not _LABEL.fullmatch(parts.netloc):
            raise SpecError(f"{parts.netloc!r} in {address!r} is no name of a namespace", _HINT)
        values = dict(pairs)
        unknown = [key for key in values if key not in _KEYS]
        if unknown or len(values) != len(pairs) or not all(values.values()):
            raise SpecError(f"{address!r} says {', '.join(unknown) or 'a key'} wrongly or twice", _HINT)
        if "template" in values and not _NAME.fullmatch(values["template"]):
            raise SpecError(f"{values['template']!r} in {address!r} is no name of a ConfigMap", _HINT)
        return cls(namespace=parts.netloc, context=values.get("context"), template=values.get("template"))

    def __str__(self) -> str:
        """As a person writes it."""
        given = [(key, value) for key in _KEYS if (value := getattr(self, key))]
        query = "&".join(f"{key}={quote(value, safe='')}" for key, value in given)
        return f"kubernetes://{self.namespace}" + (f"?{query}" if query else "")
