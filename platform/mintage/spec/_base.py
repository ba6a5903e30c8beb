"""The one base of all parts of a spec, and the types that they share."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    WithJsonSchema,
    model_validator,
)

from mintage.contracts import Scalar
from mintage.spec._problems import problem, spec_errors
from mintage.spec._secrets import HOW, find_secrets, is_secret_value

MAX_DEPTH = 32
"""How deep lists and mappings may stand in one another."""

MAX_INTEGER = 2**53
"""JSON readers carry whole numbers exactly up to this size (RFC 8785)."""


class SpecModel(BaseModel):
    """A part of a spec: immutable, unknown keys refused, every error a `SpecError` with the full path."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", serialize_by_alias=True, allow_inf_nan=False, hide_input_in_errors=True
    )

    def __init__(self, /, **values: Any) -> None:  # noqa: ANN401  # pydantic's signature
        with spec_errors(type(self)):
            super().__init__(**values)

    # Tells pydantic that nested parts need not go through this method: they report to their parent.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]

    @classmethod
    def model_validate(cls, obj: Any, **options: Any) -> Self:  # noqa: ANN401  # pydantic's signature
        """The part that a mapping describes; raises `SpecError` that lists every problem."""
        with spec_errors(cls):
            return super().model_validate(obj, **options)

    @classmethod
    def model_validate_json(cls, json_data: str | bytes | bytearray, **options: Any) -> Self:  # noqa: ANN401  # pydantic's
        """The part that a JSON text describes; raises `SpecError` that lists every problem."""
        with spec_errors(cls):
            return super().model_validate_json(json_data, **options)


class KindSpec(SpecModel):
    """A plugin by its kind, with the plugin's own options beside it."""

    model_config = ConfigDict(extra="allow")

    @model_validator(mode="after")
    def _check_config(self) -> Self:
        # The plugin's own config judges them later, when the plugin is there.
        if self.__pydantic_extra__:
            self.__pydantic_extra__.update(_check_options(self.__pydantic_extra__, ordinary_words=True))
        return self

    @property
    def config(self) -> dict[str, Any]:
        """The plugin's options as JSON values: all keys but `kind`."""
        return dict(self.__pydantic_extra__ or {})


def check_uri(uri: str) -> str:
    """Refuse a URI with a credential in it; where it may lead is the store's business."""
    if is_secret_value(uri):
        raise problem("holds a credential", todo=HOW)
    if uri != uri.strip() or not uri.isprintable():
        raise problem(
            "has spaces around it or control characters", value=uri, todo="write the path or URI alone"
        )
    return uri


def check_scalar(value: object) -> Scalar:
    """Refuse what is not one JSON value, keeping its type: `1`, `1.0`, `"1"` and `true` differ."""
    _check_number(value)
    if isinstance(value, str | bool | int | float | None):
        return value
    raise problem(
        "must be text, a number, true, false or null",
        value=value,
        todo="write dates and times as ISO 8601 text, decimals as text",
    )


def _check_options(options: dict[str, Any], *, ordinary_words: bool = False) -> dict[str, Any]:
    """A copy of the options as plain JSON values. Refuses credentials, other values, deep nesting."""
    if secret := next(find_secrets(options, ordinary_words=ordinary_words), None):
        raise problem("looks like a credential, and specs are published", path=secret, todo=HOW)
    return {name: _plain(value, name, 1) for name, value in options.items()}


def _plain(value: object, path: str, depth: int) -> object:
    if depth > MAX_DEPTH:
        raise problem(f"is nested deeper than {MAX_DEPTH} levels", path=path, todo="make the options flatter")
    _check_number(value, path)
    if isinstance(value, Mapping):
        if wrong := [name for name in value if not isinstance(name, str)]:
            raise problem(
                "has a key that is no text", path=path, value=wrong[0], todo="put the key in quotes"
            )
        return {name: _plain(item, f"{path}.{name}", depth + 1) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, f"{path}[{index}]", depth + 1) for index, item in enumerate(value)]
    if isinstance(value, str | bool | int | float | None):
        return value
    raise problem(
        "must be text, a number, true, false, null, a list or a mapping",
        path=path,
        value=value,
        todo="write dates and times as ISO 8601 text, decimals as text",
    )


def _check_number(value: object, path: str = "") -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise problem("must be a finite number", path=path, value=value, todo="use null for a missing value")
    if isinstance(value, int) and abs(value) > MAX_INTEGER:
        raise problem(
            "must be between -2^53 and 2^53, the whole numbers that JSON carries exactly",
            path=path,
            value=value,
            todo="write a larger number as text",
        )


Uri = Annotated[str, Field(min_length=1, max_length=4096), AfterValidator(check_uri)]
"""A local path or a URI, without credentials."""

Kind = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.\-]{0,99}$")]
"""The name under which a plugin is registered."""

Name = Annotated[str, Field(min_length=1, max_length=1000)]
"""The name of a column or a table."""

Options = Annotated[dict[str, Any], AfterValidator(_check_options)]
"""Options for a connector or a store, without credentials."""

ScalarValue = Annotated[
    Scalar,
    PlainValidator(check_scalar),
    WithJsonSchema({"type": ["string", "integer", "number", "boolean", "null"]}),
]
"""One JSON value of a column."""

Whole = Annotated[int, Field(strict=True)]
"""A whole number: no true, no 1.0, no "1"."""

Real = Annotated[float, Field(strict=True)]
"""A finite number: no true, no "1"."""

Flag = Annotated[bool, Field(strict=True)]
"""true or false: no 1, no "yes"."""
