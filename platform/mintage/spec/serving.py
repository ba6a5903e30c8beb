"""What is served, to whom, and how much of it: the configuration of `mintage serve`."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from mintage.errors import SpecError
from mintage.spec._base import Flag, Name, Options, Real, SpecModel, Uri, Whole, check_uri
from mintage.spec._problems import problem
from mintage.spec._secrets import is_secret_value
from mintage.spec.read import read_values

MAX_MODELS = 100
DEFAULT_ROWS = 100_000
JOINT_ROWS = 4096

ModelName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.\-]{0,99}$")]
"""The name of a model in addresses."""


def _check_key(key: str) -> str:
    """A public key as PEM text, or the path of its file."""
    if is_secret_value(key):
        raise problem("holds a private key or a credential", todo="name the public key")
    return key if is_pem(key) else check_uri(key)


PublicKeyText = Annotated[str, Field(min_length=1, max_length=16_384), AfterValidator(_check_key)]


def is_pem(key: str) -> bool:
    """Whether a key is given as PEM text and not as the path of a file."""
    return key.lstrip().startswith("-----BEGIN ")


class ServedModelSpec(SpecModel):
    """A data set whose model is served; its manifest is verified before the model is read."""

    uri: Uri = Field(description="Path or URI of the data set whose model is served, without credentials.")
    storage: Options = Field(
        default_factory=dict, description="Options of the store, such as endpoint_url; never credentials."
    )
    version: Whole | None = Field(
        default=None, ge=1, description="Version of the data set; the newest when serving begins by default."
    )
    trust: tuple[PublicKeyText, ...] = Field(
        default=(),
        max_length=100,
        description="Public keys, any of which may have signed the data set: paths of files, or PEM text. "
        "The local identity's by default.",
    )
    policy: Uri | None = Field(
        default=None, description="A policy file that says whom to trust with what, instead of trust."
    )
    columns: tuple[Name, ...] | None = Field(
        default=None,
        min_length=1,
        description="Columns of the root table that may be asked for, in requests and in answers; all by "
        "default.",
    )
    rows: Whole | None = Field(
        default=None, ge=1, description="Rows that one request may ask for, instead of limits.rows."
    )

    @model_validator(mode="after")
    def _is_trusted_in_one_way(self) -> Self:
        if self.trust and self.policy is not None:
            raise problem("does not go with trust", path="policy", todo="name the keys in the policy file")
        return self


class AutoscalingSpec(SpecModel):
    """How many replicas there are, by the load."""

    min: Whole = Field(default=1, ge=0, le=10_000, description="Fewest replicas; 0 starts one when asked.")
    max: Whole = Field(ge=1, le=10_000, description="Most replicas.")
    target: Real = Field(
        default=2.0, gt=0, description="Requests in a replica, answered or waiting, that it is sized for."
    )

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        if self.max < self.min:
            raise problem("must not be less than min", path="max", value=self.max, todo="raise max")
        return self


class LimitsSpec(SpecModel):
    """What a request may take; each limit holds in each replica."""

    rows: Whole = Field(
        default=DEFAULT_ROWS, ge=1, le=10**9, description="Rows that one request may ask for."
    )
    body_bytes: Whole = Field(
        default=65_536, ge=256, le=2**24, description="Size of a request's body in bytes."
    )
    concurrent: Whole = Field(
        default=16, ge=1, le=10_000, description="Requests for rows that are answered at the same time."
    )
    queued: Whole = Field(
        default=64,
        ge=0,
        le=100_000,
        description="Requests for rows that wait for their turn; further ones get 429.",
    )
    seconds: Real = Field(
        default=60.0, gt=0, le=86_400, description="Time that a request may take, with waiting, in seconds."
    )


class AuthenticationSpec(SpecModel):
    """Who may ask: whoever shows a bearer token of which a SHA-256 digest is kept."""

    file: Uri | None = Field(
        default=None, description="A local file with one `sha256:` digest of a token in each line."
    )
    environment: Flag = Field(
        default=False, description="Read the digests from MINTAGE_SERVE_TOKENS in the replicas' environment."
    )
    open: Flag = Field(default=False, description="Answer everybody: something before it must say who may.")

    @model_validator(mode="after")
    def _is_one_way(self) -> Self:
        if (self.file is not None) + self.environment + self.open != 1:
            raise problem("needs exactly one of file, environment and open", todo="write one of the three")
        return self


class TlsSpec(SpecModel):
    """HTTPS with a certificate of one's own."""

    certificate: Uri = Field(description="A local PEM file with the certificate and its chain.")
    key: Uri = Field(description="A local PEM file with the private key.")


class ServingSpec(SpecModel):
    """What `mintage serve` serves.

    >>> spec = ServingSpec(models={"flights": {"uri": "flights-synthetic"}})
    >>> spec.host, spec.port, spec.limits.rows
    ('127.0.0.1', 8000, 100000)

    Raises `mintage.errors.SpecError` that lists every problem.
    """

    models: dict[ModelName, ServedModelSpec] = Field(
        min_length=1, max_length=MAX_MODELS, description="Data sets whose models are served, by name."
    )
    host: Annotated[str, Field(min_length=1, max_length=255)] = Field(
        default="127.0.0.1", description="Address to listen on; others than loopback need authentication."
    )
    port: Whole = Field(default=8000, ge=1, le=65_535, description="Port to listen on.")
    tls: TlsSpec | None = Field(default=None, description="Certificate and key, to answer by HTTPS.")
    authentication: AuthenticationSpec | None = Field(default=None, description="Who may ask.")
    limits: LimitsSpec = Field(default_factory=LimitsSpec, description="What a request may take.")
    joint_rows: Whole = Field(
        default=JOINT_ROWS,
        ge=0,
        le=1_000_000,
        description="Rows up to which waiting requests without a seed are drawn together; 0: never.",
    )
    replicas: Whole | None = Field(
        default=None,
        ge=1,
        le=10_000,
        description="Processes that answer, each with all models; 1 by default.",
    )
    autoscaling: AutoscalingSpec | None = Field(
        default=None, description="A number of replicas that follows the load, instead of replicas."
    )
    cpus: Real = Field(
        default=1.0, gt=0, le=1024, description="CPUs of a replica; it draws in as many threads."
    )
    gpus: Real = Field(
        default=0.0, ge=0, le=64, description="GPUs, or a fraction of one, that a replica is given."
    )
    address: Annotated[str, Field(min_length=1, max_length=1000)] | None = Field(
        default=None, description="Ray cluster to serve on; MINTAGE_RAY_ADDRESS, or a local Ray, by default."
    )

    @model_validator(mode="after")
    def _has_one_size(self) -> Self:
        if self.replicas is not None and self.autoscaling is not None:
            raise problem("does not go with autoscaling", path="replicas", todo="remove one of the two")
        return self

    @property
    def asks_for_tokens(self) -> bool:
        """Whether a request has to show a token."""
        return self.authentication is not None and not self.authentication.open

    def check_reachable(self) -> None:
        """Refuse to listen for other machines without authentication, unless it says `open`.

        Raises `SpecError`.
        """
        if self.authentication is None and not is_loopback(self.host):
            raise SpecError(
                f"host: {self.host} is reached from other machines, and there is no authentication",
                "add authentication: {file: …}, listen on 127.0.0.1, or write authentication: {open: true}",
            )


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the address.

    >>> [is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "example.org")]
    [True, True, True, False, False]
    """
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def read_serving_spec(config: ServingSpec | Mapping[str, object] | Path | str) -> ServingSpec:
    """The configuration in a mapping, or in a YAML or JSON file. Raises `SpecError` with every problem."""
    if isinstance(config, ServingSpec):
        return config
    if isinstance(config, Mapping):
        return ServingSpec.model_validate(dict(config))
    path = Path(config)
    values = read_values(path, "serving configuration")
    try:
        return ServingSpec.model_validate(values)
    except SpecError as exc:
        raise SpecError(f"{path}: {exc.message}", exc.hint) from exc
