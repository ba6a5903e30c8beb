"""What an API server of Kubernetes answers, and which error of ours it means."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from mintage.errors import AccessError, JobExistsError, SpecError, UnreachableError
from mintage.jobs.client.k8s_address import ClusterAddress

_AWAY = {429, 500, 502, 503, 504}
_QUOTA = "end other jobs, ask for more, or `kubectl describe resourcequota` to see what is used"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back: the status code, and the body."""

    code: int
    body: bytes

    @property
    def status(self) -> Mapping[str, Any] | None:
        """The API server's own word on what went wrong; None when the body is somebody else's."""
        values = parse_json(self.body)
        return values if isinstance(values, dict) and values.get("kind") == "Status" else None

    @property
    def message(self) -> str:
        """What went wrong, in the words of whoever answered."""
        status = self.status
        if status is not None:
            return str(status.get("message", ""))
        return self.body[:500].decode(errors="replace").strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a request is about, for the errors: a verb and a resource as roles name them."""

    verb: str
    resource: str


def refuse(answer: Answer, target: Target, address: ClusterAddress) -> NoReturn:
    """Raise what an answer of the API server means that is no success."""
    space, what = address.namespace, f"{target.verb} {target.resource}"
    said = answer.message or f"code {answer.code}"
    if answer.code == 403 and "exceeded quota" in said:
        raise AccessError(f"namespace {space} has no quota left for this: {said}", _QUOTA)
    if answer.code in {401, 403}:
        raise AccessError(
            f"not allowed to {what} in namespace {space}: {said}",
            f"`kubectl auth can-i {what} -n {space}` must say yes; the chart has a role for clients",
        )
    if answer.code == 404:
        _missing(answer, target, address)
    if answer.code == 409:
        raise JobExistsError(f"{space} has it already: {said}", "an id is used once; submit the next attempt")
    if answer.code in _AWAY:
        raise UnreachableError(
            f"the API server of {address} cannot {what} now: {said}", "try again in a while"
        )
    raise SpecError(
        f"the API server of {address} refuses to {what}: {said}",
        "the template's ConfigMap decides on all but the job's name, entry point and environment",
    )


def _missing(answer: Answer, target: Target, address: ClusterAddress) -> NoReturn:
    space = address.namespace
    if answer.status is None or "could not find the requested resource" in answer.message:
        raise AccessError(
            f"the cluster of {address} knows no {target.resource}: KubeRay is not installed there",
            "an administrator installs it: `helm install kuberay-operator kuberay/kuberay-operator`",
        )
    raise AccessError(
        f"no {target.resource} in namespace {space}: {answer.message}",
        f"`kubectl get namespace {space}`; the address is kubernetes://NAMESPACE",
    )


def parse_json(body: bytes) -> object:
    """The value of a JSON text; None when it is none."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
