"""The Ray Serve application: `import_path: mintage.serving.app:build`, with the configuration as `args`.

applications:
  - name: mintage
    route_prefix: /
    import_path: mintage.serving.app:build
    args:
      models:
        flights: {uri: s3://bucket/flights-synthetic, trust: [/etc/mintage/keys/release.pub]}
      authentication: {environment: true}
    runtime_env:
      env_vars: {MINTAGE_SERVE_TOKENS: "sha256:…"}
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mintage.errors import PluginError, SpecError
from mintage.settings import Settings
from mintage.spec import ServingSpec, read_serving_spec
from mintage.spec.serving import is_pem
from mintage.store import ObjectStore

if TYPE_CHECKING:
    from ray.serve import Application, Deployment
    from starlette.types import ASGIApp

    from mintage.serving.models import Pin, ServedModel

_DRAIN_SECONDS = 10.0
_OF_A_SERVER = {"host", "port", "tls", "address"}
_MORE = 16
"""Requests that a replica takes beside those for rows: questions about models and health."""


def build(args: dict[str, Any]) -> Application:
    """What a Serve configuration file calls: its `args` are those of `mintage serve`'s file.

    Serve, not the configuration, decides on which address it listens; so it has to say who may ask.
    Raises `SpecError` when it does not, and what `application` raises.
    """
    spec = read_serving_spec(args)
    if ours := sorted(_OF_A_SERVER & spec.model_fields_set):
        raise SpecError(
            f"{ours[0]}: is for Serve to decide here", "write host, port and TLS into Serve's http_options"
        )
    if spec.authentication is None:
        raise SpecError(
            "authentication: is missing, and Serve may listen for other machines",
            "add authentication: {file: …} or {environment: true}; {open: true} answers everybody",
        )
    return application(spec)


def application(config: ServingSpec | Mapping[str, object] | Path | str) -> Application:
    """The Serve application of a configuration, with the versions of the data sets pinned now.

    Raises `SpecError` for the configuration, `ProvenanceError` for a data set that was not signed by whom
    it trusts or is not what was signed, and `PluginError` when Ray Serve is not installed.
    """
    return prepare(config).bind()


def prepare(config: ServingSpec | Mapping[str, object] | Path | str) -> Prepared:
    """All that is checked before Ray is needed. Raises what `application` raises."""
    check_installed()
    from mintage.serving.models import pin_model

    spec = _absolute(read_serving_spec(config))
    return Prepared(spec, {name: pin_model(name, model) for name, model in spec.models.items()})


class Prepared(NamedTuple):
    """A configuration whose data sets were verified, with the version of each."""

    spec: ServingSpec
    pins: Mapping[str, Pin]

    def bind(self) -> Application:
        """The Serve application. Imports Ray, which looks at the environment when it is imported."""
        from ray import serve

        limits, spec = self.spec.limits, self.spec
        most = limits.concurrent + limits.queued + _MORE
        deployed: Deployment = serve.deployment(
            name="mintage",
            ray_actor_options={"num_cpus": spec.cpus, "num_gpus": spec.gpus},
            # The gate says who waits: it answers with JSON. These are for what comes beyond it.
            max_ongoing_requests=most,
            max_queued_requests=most,
            backpressure_config={"status_code": 429, "retry_after_s": 1},
            graceful_shutdown_timeout_s=min(limits.seconds, _DRAIN_SECONDS),
            **_size(spec),
        )(serve.ingress()(_Replica))
        facts = {name: (pin.version, pin.statement) for name, pin in self.pins.items()}
        bound: Application = deployed.bind(spec.model_dump(mode="json", by_alias=True), facts)
        return bound


def _size(spec: ServingSpec) -> dict[str, Any]:
    """How many replicas there are, as Serve has it."""
    if spec.autoscaling is None:
        return {"num_replicas": spec.replicas or 1}
    scaling = {
        "min_replicas": spec.autoscaling.min,
        "max_replicas": spec.autoscaling.max,
        "target_ongoing_requests": spec.autoscaling.target,
    }
    return {"autoscaling_config": scaling}


class _Replica:
    """A process that answers: it loads every model, draws once from each, then takes requests."""

    def __init__(self, spec: dict[str, Any], pins: dict[str, tuple[int, str]]) -> None:
        self._spec = ServingSpec.model_validate(spec)
        self._pins = pins

    def __serve_build_asgi_app__(self) -> ASGIApp:
        """What Serve asks for when the replica is made."""
        from mintage.serving.models import Pin, load_served

        models = {
            name: load_served(name, model, Pin(version=self._pins[name][0], statement=self._pins[name][1]))
            for name, model in self._spec.models.items()
        }
        return make_application(self._spec, models)


def make_application(spec: ServingSpec, models: Mapping[str, ServedModel]) -> ASGIApp:
    """The ASGI application of a replica; the models are warm when it is made."""
    from mintage.serving.api import Replica, make_api
    from mintage.serving.drawing import warm_up
    from mintage.serving.gate import Gate
    from mintage.serving.measuring import Measures
    from mintage.serving.sampler import Sampler
    from mintage.serving.tokens import Tokens
    from mintage.serving.turns import Turns

    tokens = Tokens.of(spec.authentication, Settings.read())
    for served in models.values():
        warm_up(served)
    turns, measures = Turns(spec.limits.concurrent, spec.limits.queued), Measures()
    replica = Replica(
        spec=spec,
        models=models,
        sampler=Sampler(threads=max(1, math.floor(spec.cpus)), joint_rows=spec.joint_rows),
        turns=turns,
        measures=measures,
    )
    return Gate(make_api(replica), limits=spec.limits, tokens=tokens, turns=turns, measures=measures)


def check_installed() -> None:
    """Raise `PluginError` when Ray Serve is not installed."""
    if find_spec("fastapi") is None or find_spec("uvicorn") is None:
        raise PluginError("Ray Serve is not installed", "pip install 'mintage[serve]'")


def _absolute(spec: ServingSpec) -> ServingSpec:
    """The configuration with paths that mean the same in the folders of other processes."""
    values = spec.model_dump(mode="json", by_alias=True)
    own = Settings.read().identity
    for model in values["models"].values():
        model["uri"] = ObjectStore.open(model["uri"], options=model["storage"]).uri
        if model["policy"] is not None:
            model["policy"] = str(Path(model["policy"]).absolute())
        elif not model["trust"] and own.with_name(f"{own.name}.pub").exists():
            model["trust"] = [f"{own}.pub"]
        model["trust"] = [key if is_pem(key) else str(Path(key).absolute()) for key in model["trust"]]
    if spec.authentication is not None and spec.authentication.file is not None:
        values["authentication"]["file"] = str(Path(spec.authentication.file).absolute())
    return ServingSpec.model_validate(values)
