"""Settings of an S3 store that a spec may carry. Secrets are not among them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from mintage.errors import SpecError

_SECRET = re.compile(r"key|secret|token|passw|credential", re.IGNORECASE)


class S3Options(BaseModel):
    """How to reach an S3 store; credentials come from the environment or the AWS configuration files."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    endpoint_url: str | None = Field(
        None,
        description="Address of an S3-compatible server; AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL or AWS's own.",
    )
    region: str | None = Field(
        None, description="Region of the bucket; that of the environment when not given."
    )
    profile: str | None = Field(None, description="Profile of the AWS configuration files.")
    anonymous: bool = Field(False, description="Send no credentials: public buckets can be read so.")
    requester_pays: bool = Field(False, description="Pay for the requests to somebody else's bucket.")
    max_attempts: Annotated[int, Field(ge=1, le=20)] = Field(
        4, description="How often a request is sent at most."
    )
    connect_timeout_seconds: Annotated[float, Field(gt=0, le=600)] = Field(
        10.0, description="Wait to connect."
    )
    read_timeout_seconds: Annotated[float, Field(gt=0, le=600)] = Field(
        30.0, description="Wait for an answer."
    )

    @field_validator("endpoint_url")
    @classmethod
    def _check_endpoint(cls, value: str | None) -> str | None:
        if value is None:
            return value
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("endpoint_url must look like https://host:port")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError("endpoint_url must hold no user information and no query")
        return value


def read_s3_options(options: Mapping[str, object]) -> S3Options:
    """The options, checked. Raises `SpecError` naming what is wrong, without repeating any value."""
    refuse_secrets(options)
    try:
        return S3Options.model_validate(dict(options))
    except ValidationError as exc:
        first = exc.errors(include_input=False, include_url=False)[0]
        name = ".".join(str(step) for step in first["loc"]) or "options"
        raise SpecError(
            f"the store option {name!r} is wrong: {first['msg']}",
            f"known options: {', '.join(S3Options.model_fields)}",
        ) from None


def refuse_secrets(options: object, place: str = "") -> None:
    """Raise `SpecError` when an option, or one nested in it, is named like a secret."""
    if isinstance(options, Mapping):
        for name, value in options.items():
            if _SECRET.search(str(name)):
                raise SpecError(
                    f"the store option {place}{name} looks like a secret: secrets never go into a spec",
                    "give credentials through the environment (AWS_ACCESS_KEY_ID, …) or a profile",
                )
            refuse_secrets(value, f"{place}{name}.")
    elif isinstance(options, Sequence) and not isinstance(options, str | bytes):
        for value in options:
            refuse_secrets(value, place)
