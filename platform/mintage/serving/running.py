"""`mintage.serve`: serve models on a Ray cluster until the body ends."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from ssl import create_default_context
from threading import Event
from typing import TYPE_CHECKING, Any

from mintage.engine.ray_cluster import ray_cluster
from mintage.errors import ClusterError, SpecError
from mintage.serving.app import prepare
from mintage.settings import Settings
from mintage.spec import ServingSpec, read_serving_spec

if TYPE_CHECKING:
    from ray.serve import Application

NAME = "mintage"
_START_SECONDS = 120.0
_LOOK_SECONDS = 5.0
_MAX_REASON = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """Models that are being served."""

    url: str
    models: tuple[str, ...]
    cluster: str

    def wait(self, stop: Event) -> None:
        """Wait until `stop` is set. Raises `ClusterError` when the cluster goes away."""
        from ray import serve

        while not stop.wait(_LOOK_SECONDS):
            try:
                known = serve.status().applications
            except Exception as exc:  # Ray raises errors of many kinds here
                raise ClusterError(f"the Ray cluster does not answer: {exc}", "start it again") from exc
            if NAME not in known:
                raise ClusterError("the application was removed from the cluster", "serve it again")


@contextmanager
def serve(config: ServingSpec | Mapping[str, object] | Path | str) -> Iterator[Served]:
    """Serve what a configuration names, on its Ray cluster or a local one, while the body runs.

    All data sets are verified before anything starts. Requests under way are answered before it ends.
    Raises `SpecError`, `ProvenanceError`, `PluginError` and `AccessError` for what is wrong before that, and
    `ClusterError` when the cluster does not serve.
    """
    spec = read_serving_spec(config)
    spec.check_reachable()
    _check_files(spec)
    prepared = prepare(spec)
    settings = Settings.read()
    if not (spec.address or settings.ray_address):
        _check_port(spec)
    with ray_cluster(spec.address, settings) as cluster:
        try:
            _start(prepared.bind(), spec)
            url = f"{'https' if spec.tls else 'http'}://{_bracketed(_reached(spec.host))}:{spec.port}"
            _await_ready(spec)
            yield Served(url=url, models=tuple(spec.models), cluster=cluster)
        finally:
            _stop()


def _start(built: Application, spec: ServingSpec) -> None:
    from ray import serve

    options: dict[str, Any] = {"host": spec.host, "port": spec.port}
    if spec.tls is not None:
        options |= {"ssl_certfile": spec.tls.certificate, "ssl_keyfile": spec.tls.key}
    logging.getLogger("ray.serve").setLevel(logging.WARNING)
    quiet = {"log_level": "WARNING", "enable_access_log": False}
    try:
        _start_serve(options, quiet)
        serve.run(built, name=NAME, route_prefix="/", logging_config=quiet)
    except Exception as exc:  # Ray raises errors of many kinds here
        raise ClusterError(
            f"the models are not served: {_reason() or exc}",
            "the cluster may lack the CPUs or GPUs that a replica asks for, or serve something else at /",
        ) from exc


def _start_serve(options: dict[str, Any], quiet: dict[str, Any]) -> None:
    """Start Serve, or join the one that runs on the cluster; on a busy machine its processes take minutes."""
    from ray import serve

    # Else its proxy is started anew whenever it has not loaded within 5 s.
    patient = {"runtime_env": {"env_vars": {"RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "55"}}}
    try:
        serve.start(http_options=options, logging_config=quiet, controller_options=patient)
    except TimeoutError:
        # It goes on starting: this joins it, and whoever waits for the API waits for the proxy too.
        serve.start(http_options=options)


def _reason() -> str:
    """Why the replicas do not start: the last line of the traceback that Serve tells."""
    from ray import serve

    application = serve.status().applications.get(NAME)
    deployments = application.deployments.values() if application else ()
    lines = [line for deployment in deployments for line in str(deployment.message).splitlines()[-1:]]
    return "; ".join(lines)[:_MAX_REASON]


def _await_ready(spec: ServingSpec) -> None:
    """Ask until the API answers on the address that was asked for."""
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            if _is_ready(spec):
                return
            last = "something else answers there"
        except (OSError, HTTPException) as exc:
            last = str(exc)
        if time.monotonic() > deadline:
            raise ClusterError(
                f"nothing is served at {spec.host}:{spec.port}: {last}",
                "a Serve instance that runs on the cluster already listens where it was told to at first",
            )
        time.sleep(0.1)


def _is_ready(spec: ServingSpec) -> bool:
    host = _reached(spec.host)
    if spec.tls is None:
        connection = HTTPConnection(host, spec.port, timeout=5)
    else:
        # Our own certificate, by a name that it may not have: this asks whether anybody answers.
        context = create_default_context()
        context.check_hostname = False
        context.load_verify_locations(spec.tls.certificate)
        connection = HTTPSConnection(host, spec.port, timeout=5, context=context)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        return answer.status == 200 and b'"ready":true' in answer.read(4096)
    finally:
        connection.close()


def _stop() -> None:
    """Take the application away, and Serve itself when nothing else is served."""
    from ray import serve

    serve.delete(NAME)
    if not serve.status().applications:
        serve.shutdown()  # type: ignore[no-untyped-call]  # Ray's


def _check_port(spec: ServingSpec) -> None:
    """Raise `SpecError` when nobody can listen at the address."""
    family = socket.AF_INET6 if ":" in spec.host else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((spec.host, spec.port))
    except OSError as exc:
        raise SpecError(
            f"port: nobody can listen at {spec.host}:{spec.port}: {exc.strerror or exc}",
            "choose another port, or stop what listens there",
        ) from exc


def _check_files(spec: ServingSpec) -> None:
    for key, path in (("certificate", spec.tls.certificate), ("key", spec.tls.key)) if spec.tls else ():
        if not Path(path).is_file():
            raise SpecError(f"tls.{key}: there is no file {path}", "name a PEM file")


def _reached(host: str) -> str:
    """The address at which this machine reaches a server that listens at `host`."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # asked about, not bound


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
