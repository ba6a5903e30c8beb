"""Errors of the operating system, said in words that tell what to do."""

from __future__ import annotations

import errno
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mintage.errors import (
    ObjectExistsError,
    ObjectMissingError,
    StoreError,
    StoreUnavailableError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_KINDS: dict[int, tuple[type[StoreError], str, str]] = {
    errno.EEXIST: (
        ObjectExistsError,
        "it exists already",
        "objects are never overwritten: choose another name",
    ),
    errno.ENOENT: (ObjectMissingError, "there is no such object", "check the location"),
    errno.EACCES: (
        StoreError,
        "permission denied",
        "give this user the right to do it, or choose another folder",
    ),
    errno.EPERM: (
        StoreError,
        "the file system does not permit it",
        "choose a folder on a file system with hard links that this user may write",
    ),
    errno.EROFS: (StoreError, "the file system is read-only", "choose a folder on a writable file system"),
    errno.ENOSPC: (StoreError, "the disk is full", "free some space, then run again: finished work is kept"),
    errno.EDQUOT: (
        StoreError,
        "the disk quota is used up",
        "free some space or raise the quota, then run again",
    ),
    errno.EFBIG: (StoreError, "the file would exceed the file-size limit", "raise the limit (ulimit -f)"),
    errno.ENOTDIR: (
        StoreError,
        "a file stands where a folder is needed",
        "choose another folder, or move the file",
    ),
    errno.EISDIR: (
        StoreError,
        "a folder stands where a file is needed",
        "choose another name, or move the folder",
    ),
    errno.ENAMETOOLONG: (StoreError, "the name is too long", "choose a shorter folder"),
    errno.ELOOP: (StoreError, "symbolic links go in a circle", "choose the folder that they should lead to"),
    errno.EMFILE: (StoreUnavailableError, "too many files are open", "raise the limit (ulimit -n)"),
    errno.ENFILE: (StoreUnavailableError, "too many files are open on this machine", "try again later"),
    errno.ETIMEDOUT: (StoreUnavailableError, "it took too long", "check the network, then run again"),
    errno.ESTALE: (StoreUnavailableError, "the network file system lost the file", "run again"),
    **dict.fromkeys(
        (errno.ENOTSUP, errno.EXDEV, errno.EMLINK),
        (
            StoreError,
            "the file system has no hard links",
            "choose a folder on another file system: nothing can be created safely here",
        ),
    ),
    errno.EBUSY: (StoreUnavailableError, "it is busy", "run again"),
}
_NUMBERS: dict[type[OSError], int] = {
    FileNotFoundError: errno.ENOENT,
    FileExistsError: errno.EEXIST,
    PermissionError: errno.EACCES,
    IsADirectoryError: errno.EISDIR,
    NotADirectoryError: errno.ENOTDIR,
    TimeoutError: errno.ETIMEDOUT,
}
"""What fsspec's file systems mean when they raise such an error without a number."""


@contextmanager
def os_failures(action: str, uri: str) -> Iterator[None]:
    """Turn an `OSError` of the body into a `StoreError` about `action` on `uri`."""
    try:
        yield
    except OSError as exc:
        raise os_failure(exc, action, uri) from exc


def os_failure(exc: OSError, action: str, uri: str) -> StoreError:
    """The `StoreError` that says what an `OSError` means."""
    kind, reason, hint = explain(exc)
    return kind(f"cannot {action} {uri}: {reason}", hint)


def explain(exc: OSError) -> tuple[type[StoreError], str, str]:
    """What an `OSError` means: the class of the error, the reason, and what to do."""
    number = exc.errno or next((code for kind, code in _NUMBERS.items() if isinstance(exc, kind)), 0)
    return _KINDS.get(number) or (
        StoreError,
        exc.strerror or str(exc) or type(exc).__name__,
        "check the location",
    )
