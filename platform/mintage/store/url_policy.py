"""The one policy of what may be opened: which URIs, and which paths inside a store.

>>> check_uri("s3://bucket/data/")
's3://bucket/data'
>>> check_path("data/orders/part-000017.parquet")
'data/orders/part-000017.parquet'
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from mintage.errors import SpecError, StoreError

MAX_PATH_BYTES = 1024
"""Longest path of an object, in bytes of UTF-8: the limit of S3."""

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*)://")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_CONTAINER_AT_ACCOUNT = frozenset({"abfs", "az"})


@dataclass(frozen=True, slots=True, kw_only=True)
class UrlPolicy:
    """What a URI may be: `schemes` lists the kinds of place, in the order in which messages name them."""

    schemes: tuple[str, ...] = ("file", "memory", "s3", "gs", "az", "abfs")


DEFAULT_POLICY = UrlPolicy()
"""Local folders, memory, and the object stores; nothing that any web server could answer."""


def check_uri(uri: str, policy: UrlPolicy = DEFAULT_POLICY) -> str:
    """The normal form of a URI that the policy allows: an absolute path, or `scheme://place/path`.

    Raises `SpecError` for a scheme that is not allowed, a chained URI (`a::b`), user information, a
    query or a fragment, and steps such as `..` inside a bucket. What may be secret is not repeated
    in the message.
    """
    if not uri:
        raise SpecError("the location is empty", "give a folder, or a URI such as s3://bucket/folder")
    if _CONTROL.search(uri):
        raise SpecError(f"the location {uri!r} holds control characters", "remove them")
    if "::" in uri:
        raise SpecError("the location is a chained URI ('::')", "name one place, such as s3://bucket/folder")
    expanded = expand_uri(uri)
    scheme = scheme_of(expanded)
    if scheme not in policy.schemes:
        raise SpecError(
            f"locations of the kind {scheme}:// are not allowed",
            f"allowed kinds: {', '.join(policy.schemes)}",
        )
    return expanded if scheme == "file" else _check_remote(scheme, expanded)


def expand_uri(uri: str) -> str:
    """What a person typed, made independent of where they stand: local locations become absolute paths.

    `~` is the home folder; a `file://` URI is percent-decoded, a plain path is taken as it is. Other
    URIs only get a lower-case scheme and lose slashes at their end. Nothing is judged here but the form.
    """
    if match := _SCHEME.match(uri):
        scheme, rest = match[1].lower(), uri[match.end() :]
        if scheme == "file":
            return _local_path(_path_of_file_uri(rest))
        return f"{scheme}://{rest.strip('/') if scheme == 'memory' else rest.rstrip('/')}"
    if re.match(r"(file|memory|s3|s3a|gs|az|abfs|https?):", uri):
        raise SpecError(
            f"the location {uri.partition(':')[0]}:… lacks its two slashes", "write scheme://place"
        )
    return _local_path(uri)


def scheme_of(uri: str) -> str:
    """The scheme of a normal form; `file` for a path."""
    match = _SCHEME.match(uri)
    return match[1].lower() if match else "file"


def check_path(path: str) -> str:
    """The path itself when it may name an object of a store: relative, POSIX, NFC, inside the root.

    Raises `StoreError` for empty, absolute and too long paths, for empty, `.` and `..` steps, for
    backslashes and control characters, and for text that is not in Unicode's normal form C.
    """
    if reason := _flaw(path):
        raise StoreError(
            f"{path[:200]!r} cannot name an object: {reason}",
            "use a relative POSIX path inside the store, such as data/part-000001.parquet",
        )
    return path


def _flaw(path: str) -> str | None:
    if not path:
        return "it is empty"
    if path.startswith("/"):
        return "it is absolute"
    if "\\" in path:
        return "it holds a backslash"
    if _CONTROL.search(path):
        return "it holds control characters"
    if any(step in ("", ".", "..") for step in path.split("/")):
        return "it has an empty, '.' or '..' step"
    try:
        size = len(path.encode())
    except UnicodeEncodeError:
        return "it is not valid Unicode"
    if size > MAX_PATH_BYTES:
        return f"it has {size} bytes, more than {MAX_PATH_BYTES}"
    if not unicodedata.is_normalized("NFC", path):
        return "it is not in Unicode's normal form C"
    return None


def _path_of_file_uri(rest: str) -> str:
    host, slash, path = rest.partition("/")
    if host not in ("", "localhost") or not slash:
        raise SpecError(
            "a file:// location names another host, or no absolute path", "write file:///absolute/path"
        )
    decoded = unquote("/" + path)
    if _CONTROL.search(decoded):
        raise SpecError(f"the location {decoded!r} holds control characters", "remove them")
    return decoded


def _local_path(path: str) -> str:
    try:
        absolute = Path(path).expanduser().absolute()
    except RuntimeError as exc:
        raise SpecError(f"the home folder of {path!r} is not known", "write the path in full") from exc
    # Only the file system knows what a step up from a symbolic link means.
    return str(absolute.resolve() if ".." in absolute.parts else absolute)


def _check_remote(scheme: str, uri: str) -> str:
    place, _, path = uri.removeprefix(f"{scheme}://").partition("/")
    user, at, _ = place.rpartition("@")
    if at and (scheme not in _CONTAINER_AT_ACCOUNT or ":" in user):
        raise SpecError(
            f"the {scheme}:// location holds user information",
            "secrets never go into a spec: give credentials through the environment",
        )
    if "?" in uri or "#" in uri:
        raise SpecError(
            f"the {scheme}:// location holds a query or a fragment",
            "remove what follows '?' or '#'; settings of the store belong into its options",
        )
    if not place and scheme != "memory":
        raise SpecError(f"the location {uri!r} names no bucket", f"write {scheme}://bucket/folder")
    if path and (reason := _flaw(path)):
        raise SpecError(f"the location {uri!r} is not usable: {reason}", f"write {scheme}://bucket/folder")
    return uri
