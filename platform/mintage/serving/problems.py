"""What a request is told when it cannot be answered: status, headers and one JSON object."""

from __future__ import annotations

import json
from collections.abc import Mapping

from mintage.errors import (
    ConditionError,
    GenerationError,
    MintageError,
    SpecError,
    StarvationError,
)
from mintage.serving.answers import ErrorAnswer

_LATER = {"retry-after": "1"}
_MAX_TEXT = 4000


class Refusal(MintageError):
    """An answer that is no rows."""

    def __init__(
        self, status: int, type_: str, message: str, hint: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message, hint)
        self.status = status
        self.type = type_
        self.headers = dict(headers or {})

    def all_headers(self) -> dict[str, str]:
        """The headers of the answer."""
        return {"content-type": "application/json", "cache-control": "no-store", **self.headers}

    def body(self) -> bytes:
        """The JSON object."""
        answer = ErrorAnswer(type=self.type, message=self.message[:_MAX_TEXT], hint=self.hint[:_MAX_TEXT])
        return json.dumps(answer.model_dump()).encode()


def refusal_of(error: Exception) -> Refusal:
    """What a request is told of an error; of one that nobody foresaw, only that it happened."""
    if isinstance(error, Refusal):
        return error
    if not isinstance(error, MintageError):
        what = "something unexpected happened"
        return Refusal(500, "InternalError", what, "the replica's log says what; report it")
    kind = type(error).__name__
    if isinstance(error, SpecError | ConditionError | StarvationError):
        # Told of one request, so what the error calls a spec is this request.
        return Refusal(422, kind, error.message.replace("the spec", "the request"), error.hint)
    if isinstance(error, GenerationError):
        return Refusal(500, kind, error.message, error.hint)
    return Refusal(503, kind, error.message, error.hint, _LATER)


def busy(hint: str) -> Refusal:
    """Too many ask at the same time."""
    return Refusal(429, "BusyError", "too many requests are waiting", hint, _LATER)


def late(seconds: float) -> Refusal:
    """The time of a request is over before anything was sent."""
    return Refusal(
        503,
        "TimeoutError",
        f"the request took more than {seconds:g} seconds",
        "ask for fewer rows, or try again later",
        _LATER,
    )


def too_large(most: int) -> Refusal:
    """The body of a request is too large."""
    return Refusal(
        413,
        "SpecError",
        f"the request's body has more than {most} bytes",
        "ask for less at a time, or have limits.body_bytes raised",
    )


def unauthenticated() -> Refusal:
    """Nobody, or nobody who is known, asks."""
    return Refusal(
        401,
        "AccessError",
        "a bearer token is missing, or not one that is known here",
        "send the header Authorization: Bearer TOKEN",
        {"www-authenticate": "Bearer"},
    )
