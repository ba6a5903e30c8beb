"""Errors of an S3 store, said in words that tell what to do."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import aiohttp
from botocore import exceptions as botocore_errors  # type: ignore[import-untyped]
from botocore.parsers import ResponseParserError  # type: ignore[import-untyped]

from mintage.errors import (
    MintageError,
    ObjectExistsError,
    ObjectMissingError,
    StoreError,
    StoreUnavailableError,
)
from mintage.store._failures import explain

if TYPE_CHECKING:
    from collections.abc import Iterator

CONFLICTS = frozenset({"409", "ConditionalRequestConflict", "OperationAborted"})
"""Codes of a write that met another one of the same key: neither done nor refused, to be tried again."""

_Kind = tuple[type[StoreError], str, str]

_REFUSED: _Kind = (
    StoreError,
    "the store refused the credentials",
    "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or the profile",
)
_NO_CREDENTIALS: _Kind = (
    StoreError,
    "there are no credentials",
    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile in the store's options",
)
_FORBIDDEN: _Kind = (
    StoreError,
    "the store does not permit it",
    "give these credentials the right to read, write, list and delete objects there",
)
_FORBIDDEN_OR_REFUSED: _Kind = (
    StoreError,
    "the store refused it (403), without saying why",
    "check the credentials, and that they may read and list objects there",
)
_NO_BUCKET: _Kind = (StoreError, "the bucket does not exist", "create the bucket, or correct its name")
_MISSING: _Kind = (ObjectMissingError, "there is no such object", "check the location")
_DROPPED: _Kind = (
    StoreError,
    "the store dropped the unfinished upload",
    "let the bucket's lifecycle rules keep unfinished uploads for a day at least",
)
_EXISTS: _Kind = (
    ObjectExistsError,
    "it exists already",
    "objects are never overwritten: choose another name",
)
_BUSY: _Kind = (
    StoreUnavailableError,
    "the store is busy or failed inside",
    "run again: finished work is kept",
)
_CONFLICT: _Kind = (StoreUnavailableError, "other writes of it were under way", "run again")
_FULL: _Kind = (StoreError, "the store is full", "free some space or raise the quota, then run again")
_LACKING: _Kind = (
    StoreError,
    "the store lacks what is needed for it",
    "use a store that implements conditional writes (If-None-Match) and multipart uploads",
)
_REGION: _Kind = (StoreError, "the bucket lies in another region", "set AWS_REGION or the option region")
_CLOCK: _Kind = (StoreError, "the clock of this machine is wrong", "set the clock")
_UNREACHABLE: _Kind = (
    StoreUnavailableError,
    "the store cannot be reached, or broke the connection",
    "check the network, AWS_ENDPOINT_URL_S3 and the option endpoint_url; then run again",
)

_CODES: dict[str, _Kind] = {
    **dict.fromkeys(
        ("InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken"), _REFUSED
    ),
    **dict.fromkeys(("AccessDenied", "AllAccessDisabled", "AccountProblem", "MethodNotAllowed"), _FORBIDDEN),
    **dict.fromkeys(("InvalidObjectState", "NotSignedUp", "405"), _FORBIDDEN),
    **dict.fromkeys(("NoSuchKey", "404"), _MISSING),
    **dict.fromkeys(("PreconditionFailed", "412"), _EXISTS),
    **dict.fromkeys(("QuotaExceeded", "XMinioStorageFull", "507"), _FULL),
    **dict.fromkeys(("NotImplemented", "501"), _LACKING),
    **dict.fromkeys(("PermanentRedirect", "301", "AuthorizationHeaderMalformed"), _REGION),
    **dict.fromkeys(("SlowDown", "429", "RequestTimeout", "Throttling", "TooManyRequests"), _BUSY),
    **dict.fromkeys(CONFLICTS, _CONFLICT),
    "403": _FORBIDDEN_OR_REFUSED,
    "NoSuchBucket": _NO_BUCKET,
    "NoSuchUpload": _DROPPED,
    "RequestTimeTooSkewed": _CLOCK,
}

_CONNECTION_ERRORS = (
    botocore_errors.HTTPClientError,
    botocore_errors.ConnectionError,
    botocore_errors.IncompleteReadError,
    ResponseParserError,
    aiohttp.ClientError,
    TimeoutError,
    ConnectionError,
)
_NO_CREDENTIALS_ERRORS = (
    botocore_errors.NoCredentialsError,
    botocore_errors.PartialCredentialsError,
    botocore_errors.CredentialRetrievalError,
    botocore_errors.ProfileNotFound,
)


@contextmanager
def s3_failures(action: str, uri: str) -> Iterator[None]:
    """Turn whatever the S3 client raises in the body into a `StoreError` about `action` on `uri`."""
    try:
        yield
    except MintageError:
        raise
    except (
        *_CONNECTION_ERRORS,
        OSError,
        ValueError,
        botocore_errors.BotoCoreError,
        botocore_errors.ClientError,
    ) as exc:
        kind, reason, hint = _classify(exc)
        raise kind(f"cannot {action} {uri}: {reason}", hint) from exc


def s3_code(exc: BaseException) -> str:
    """The code that the store answered with, such as `NoSuchKey` or `404`; empty when it did not answer."""
    response = _response(exc)
    error = response.get("Error")
    return str(error.get("Code", "")) if isinstance(error, dict) else ""


def _classify(exc: Exception) -> _Kind:
    if isinstance(exc, _NO_CREDENTIALS_ERRORS):
        return _NO_CREDENTIALS
    if isinstance(exc, botocore_errors.SSLError):
        return StoreError, f"the connection is not safe: {exc}", "check the address and the certificates"
    if isinstance(exc, _CONNECTION_ERRORS):
        return _UNREACHABLE
    if isinstance(exc, FileExistsError):
        return _EXISTS
    if code := s3_code(exc):
        return _CODES.get(code) or _by_status(exc)
    if isinstance(exc, OSError):
        return explain(exc)
    return StoreError, f"{type(exc).__name__}: {exc}", "check the location and the store's options"


def _by_status(exc: Exception) -> _Kind:
    metadata = _response(exc).get("ResponseMetadata")
    status = metadata.get("HTTPStatusCode", 0) if isinstance(metadata, dict) else 0
    if status >= 500 or status == 429:
        return _CODES.get(str(status), _BUSY)
    return _CODES.get(
        str(status), (StoreError, f"the store answered {s3_code(exc)}: {exc}", "check the location")
    )


def _response(exc: BaseException) -> dict[str, object]:
    # s3fs translates botocore's errors to Python's own, and keeps the original as the cause.
    current: BaseException | None = exc
    while current is not None:
        response = getattr(current, "response", None)
        if isinstance(current, botocore_errors.ClientError) and isinstance(response, dict):
            return response
        current = current.__cause__
    return {}
