"""Jobs on Kubernetes: each submission is a RayJob of KubeRay, with a cluster of its own.

A platform team owns the pods: the RayJob comes from a ConfigMap of the namespace, and a submission adds
its name, entry point and environment. KubeRay submits it to its cluster over HTTP, and makes a new cluster
when one fails. The record stays with the RayJob; the log lives on the head and goes with it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Self

from mintage.errors import AccessError, ClusterError, UnreachableError
from mintage.jobs.client.backend import JobRecord, JobState, Submission
from mintage.jobs.client.k8s_address import ClusterAddress
from mintage.jobs.client.k8s_answer import Target
from mintage.jobs.client.k8s_api import KubernetesApi
from mintage.jobs.client.k8s_head import Head
from mintage.jobs.client.k8s_reasons import explain_pending
from mintage.jobs.client.k8s_state import (
    CANCELLED,
    in_queue_of_kueue,
    last_words,
    read_record,
    read_state,
)
from mintage.jobs.client.k8s_template import JOB, METADATA, fill_template, find_template

_RAYJOBS = "rayjobs"
_GROUP = "apis/ray.io/v1"
_LOOK_SECONDS = 2.0
_STOP_SECONDS = 60.0
_RELEASE_SECONDS = 300.0
_KEEP_SECONDS = 300


class Kubernetes:
    """Submissions as RayJobs of one namespace.

    What a user's role needs: create, get, list, patch and delete on rayjobs, get and list on configmaps,
    get and create on services/proxy; get on the secret with Ray's token unless `token` is given; list on
    pods and events to be told why a job waits.
    """

    def __init__(self, api: KubernetesApi, *, token: str | None = None) -> None:
        self._api = api
        self._token = token

    @classmethod
    def connect(cls, address: str, *, token: str | None = None, kubeconfig: str | None = None) -> Self:
        """The back end of `kubernetes://namespace?context=NAME&template=CONFIGMAP`; nothing is sent yet.

        `token` is that of Ray; without one it is read from the secret that the cluster uses. `kubeconfig`
        are paths as `KUBECONFIG` has them. Raises `SpecError` for an address that is wrong, `AccessError`
        when there is no kubeconfig for it, and this is no pod.
        """
        place = ClusterAddress.parse(address)
        return cls(KubernetesApi.connect(place, kubeconfig=kubeconfig), token=token)

    def __repr__(self) -> str:
        return f"<Kubernetes at {self.address}>"

    @property
    def address(self) -> str:
        """Where jobs go, as a person would write it."""
        return str(self._api.address)

    @property
    def is_here(self) -> bool:
        """Whether jobs run in this process: never."""
        return False

    def submit(self, submission: Submission) -> None:
        """Make the RayJob. Raises `JobExistsError` when one of that name is there.

        Raises `AccessError` when the namespace, the template, KubeRay, a right or the quota is missing,
        `SpecError` when the template is none or the API server refuses what comes of it.
        """
        rayjob = fill_template(find_template(self._api), submission)
        answer = self._api.call("POST", self._path(), body=rayjob)
        self._api.read(answer, Target(verb="create", resource=_RAYJOBS))

    def find(self, id: str) -> JobRecord | None:  # the word that everybody uses
        """What is known of a submission, for a waiting one with the reason; None when its RayJob is gone."""
        rayjob = self._get(id)
        if rayjob is None:
            return None
        record = read_record(rayjob)
        if record.state == JobState.QUEUED:
            why = explain_pending(self._api, rayjob)
            return replace(record, message="; ".join(part for part in (record.message, why) if part))
        return record

    def list(self, job: str | None = None) -> list[JobRecord]:
        """All submissions that are ours, or those of one job; newest first."""
        query = {"labelSelector": JOB if job is None else f"{JOB}={job}"}
        found = [each for each in self._pages(query) if _is_ours(each, job)]
        found.sort(key=lambda each: str(each["metadata"].get("creationTimestamp", "")), reverse=True)
        return [read_record(each) for each in found]

    def tail(self, id: str, lines: int) -> str:
        """The last lines of the log; of a failed job whose cluster is gone, those that its status kept."""
        return self._read_head(id, lambda head: head.tail(lines))

    def read_log(self, id: str) -> str:
        """The log; of a failed job whose cluster is gone, the last lines that its status kept."""
        return self._read_head(id, Head.read_log)

    def follow(self, id: str) -> Iterator[str]:
        """The log of the present cluster, as it is written; a cluster that replaces it has a log of its own.

        Waits until there is a head. Ends with the job, or with the cluster; `find` tells which.
        """
        while (rayjob := self._get(id)) is not None:
            state = read_state(rayjob)
            if state == JobState.RUNNING:
                yield from self._head(rayjob).follow(lambda: self._has_ended(id))
                return
            if state.ended:
                yield self.read_log(id)
                return
            time.sleep(_LOOK_SECONDS)

    def cancel(self, id: str) -> None:
        """Stop it, and wait until its driver has ended or its cluster is gone.

        The RayJob stays and says that it was cancelled, with one exception: one that waits in a queue of
        Kueue, or whose head does not answer while Kueue could resume it, can only be deleted.
        Raises `ClusterError` when it has not ended within minutes.
        """
        rayjob = self._get(id)
        if rayjob is None or read_state(rayjob).ended:
            return
        rayjob = self._patch(id, _farewell(rayjob))
        if self._stop_driver(rayjob) and self._wait(id, _STOP_SECONDS):
            return
        if in_queue_of_kueue(rayjob) or (rayjob.get("spec") or {}).get("clusterSelector"):
            self._delete(id)
        else:
            self._patch(id, {"spec": {"suspend": True}})
        if not self._wait(id, _RELEASE_SECONDS):
            raise ClusterError(
                f"{id} was told to stop, and has not ended within {_RELEASE_SECONDS:g} s",
                f"`kubectl describe rayjob {id} -n {self._api.address.namespace}` says what it waits for",
            )

    def close(self) -> None:
        """Let go of connections; jobs go on."""
        self._api.close()

    def _path(self, id: str | None = None) -> str:
        return self._api.in_namespace(_RAYJOBS if id is None else f"{_RAYJOBS}/{id}", _GROUP)

    def _get(self, id: str) -> dict[str, Any] | None:
        return self._api.get(self._path(id), Target(verb="get", resource=_RAYJOBS))

    def _pages(self, query: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        return self._api.pages(self._path(), Target(verb="list", resource=_RAYJOBS), query=query)

    def _patch(self, id: str, change: Mapping[str, object]) -> dict[str, Any]:
        answer = self._api.call("PATCH", self._path(id), body=change)
        return self._api.read(answer, Target(verb="patch", resource=_RAYJOBS))

    def _delete(self, id: str) -> None:
        answer = self._api.call("DELETE", self._path(id), query={"propagationPolicy": "Foreground"})
        if answer.code != 404:
            self._api.read(answer, Target(verb="delete", resource=_RAYJOBS))

    def _head(self, rayjob: Mapping[str, Any]) -> Head:
        return Head.of(self._api, rayjob, self._token)

    def _read_head(self, id: str, read: Callable[[Head], str]) -> str:
        rayjob = self._get(id)
        if rayjob is None or read_state(rayjob) == JobState.QUEUED:
            return ""
        try:
            return read(self._head(rayjob))
        except UnreachableError:
            # Asked again: it may have ended meanwhile, and it may be the API server that is away.
            rayjob = self._get(id)
            if rayjob is not None and not read_state(rayjob).ended:
                raise
            return last_words(rayjob or {})

    def _stop_driver(self, rayjob: Mapping[str, Any]) -> bool:
        """Whether Ray was asked to stop the driver; not when there is none, or it cannot be reached."""
        try:
            self._head(rayjob).stop()
        except (UnreachableError, AccessError):
            # The cluster is released instead, which ends the driver less politely.
            return False
        return True

    def _has_ended(self, id: str) -> bool:
        rayjob = self._get(id)
        return rayjob is None or read_state(rayjob) != JobState.RUNNING

    def _wait(self, id: str, seconds: float) -> bool:
        """Whether it has ended, or is gone, within a time."""
        until = time.monotonic() + seconds
        while (rayjob := self._get(id)) is not None and not read_state(rayjob).ended:
            if time.monotonic() >= until:
                return False
            time.sleep(min(_LOOK_SECONDS, seconds))
        return True


def _is_ours(rayjob: Mapping[str, Any], job: str | None) -> bool:
    meta = rayjob.get("metadata", {})
    label = (meta.get("labels") or {}).get(JOB)
    return METADATA in (meta.get("annotations") or {}) and label is not None and job in {None, label}


def _farewell(rayjob: Mapping[str, Any]) -> dict[str, object]:
    """What a RayJob is told before it is stopped: not to be tried again, and to take its cluster with it.

    KubeRay's rules of deletion know jobs that succeeded and that failed, and would leave the cluster of one
    that was stopped.
    """
    spec = rayjob.get("spec") or {}
    changes: dict[str, object] = {"backoffLimit": 0}
    if not spec.get("clusterSelector") and not spec.get("shutdownAfterJobFinishes"):
        keep = spec.get("ttlSecondsAfterFinished") or _KEEP_SECONDS
        changes |= {
            "deletionStrategy": None,
            "shutdownAfterJobFinishes": True,
            "ttlSecondsAfterFinished": keep,
        }
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return {"metadata": {"annotations": {CANCELLED: now}}, "spec": changes}
