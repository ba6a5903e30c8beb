"""From a location that a user wrote to the files that it means."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

from mintage.contracts import ATTESTATION_SUFFIX
from mintage.errors import ObjectMissingError, SourceError
from mintage.store import ObjectInfo, ObjectStore, expand_uri
from mintage_connectors.files.config import FilesConfig
from mintage_connectors.files.partitions import Partitions, partitions_of

_GLOB = re.compile(r"[*?\[]")
_OWN_FOLDER = "_mintage"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """One file of a table: `path` is relative to the root of its store."""

    store: ObjectStore
    path: str
    bytes: int
    partitions: Partitions = ()

    @property
    def uri(self) -> str:
        """Where the file is, for messages."""
        return f"{self.store.uri.rstrip('/')}/{self.path}"

    def open(self) -> BinaryIO:
        """The file's bytes, seekable. Raises `SourceError` when it has gone since it was listed."""
        try:
            return self.store.open_read(self.path)
        except ObjectMissingError as exc:
            raise SourceError(f"{self.uri} is gone", "do not change the source while a job reads it") from exc


def locate(location: object, suffixes: Sequence[str], config: FilesConfig) -> tuple[SourceFile, ...]:
    """The files at a location: a file, a folder or a pattern such as `s3://bucket/x/*.parquet`; never none.

    In a folder, files count whose name ends in one of `suffixes`; in folders and patterns alike,
    names that start with `_` or `.` do not, nor do attestations of sources. Files are sorted by
    their path. Raises `SourceError`.
    """
    if not isinstance(location, str) or not location.strip():
        raise SourceError(
            f"a location is text, not {type(location).__name__}: {str(location)[:100]!r}",
            "give a path or a URI; a table in memory goes with the kind `frame`",
        )
    uri = expand_uri(location.strip())
    folder, name = _split(uri)
    if not _GLOB.search(folder):
        if name and (file := _one_file(folder, name, config)):
            return (file,)
        if not _GLOB.search(name):
            return _folder(uri, suffixes, config)
    return _pattern(uri, config)


def _split(uri: str) -> tuple[str, str]:
    """A URI as its folder and the name in it; no name for a root or a bucket.

    >>> _split("s3://bucket/a/b.csv"), _split("s3://bucket"), _split("/b.csv")
    (('s3://bucket/a', 'b.csv'), ('s3://bucket', ''), ('/', 'b.csv'))
    """
    scheme, mark, path = uri.rpartition("://")
    folder, slash, name = path.rpartition("/")
    if mark and not slash:
        return (uri, "") if scheme != "memory" else (f"{scheme}{mark}", name)
    return scheme + mark + (folder or slash), name


def _one_file(folder: str, name: str, config: FilesConfig) -> SourceFile | None:
    store = ObjectStore.open(folder, options=config.storage)
    return SourceFile(store=store, path=name, bytes=store.size(name)) if store.exists(name) else None


def _pattern(uri: str, config: FilesConfig) -> tuple[SourceFile, ...]:
    found = _GLOB.search(uri)
    assert found
    start = uri.rfind("/", 0, found.start())
    root, pattern = uri[:start] or "/", uri[start + 1 :]
    store = ObjectStore.open(root, options=config.storage)
    matches = re.compile(_as_regex(pattern)).fullmatch
    files = [info for info in store.list("") if matches(info.path) and not _is_hidden(info.path)]
    if not files:
        raise SourceError(
            f"no file matches {uri}", "check the pattern; `*` stays within a folder, `**` goes deeper"
        )
    return _with_partitions(store, files, config)


def _as_regex(pattern: str) -> str:
    r"""A pattern of paths as a regular expression.

    >>> _as_regex("a/*.csv"), _as_regex("**/b?[!x].csv")
    ('a/[^/]*\\.csv', '(?:.*/)?b[^/][^x]\\.csv')
    """
    tokens = re.findall(r"\*\*/|\*\*|\*|\?|\[!?\]?[^\]/]*\]|.", pattern)
    known = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return "".join(known.get(token) or _as_class(token) or re.escape(token) for token in tokens)


def _as_class(token: str) -> str:
    if len(token) < 3:
        return ""
    inner = token[1:-1].replace("\\", "\\\\").replace("[", "\\[").replace("^", "\\^")
    return f"[^{inner[1:]}]" if inner.startswith("!") else f"[{inner}]"


def _folder(uri: str, suffixes: Sequence[str], config: FilesConfig) -> tuple[SourceFile, ...]:
    store = ObjectStore.open(uri, options=config.storage)
    listed = store.list("")
    if not listed:
        raise SourceError(f"there is nothing at {uri}: no such file, or an empty folder", "check the path")
    if any(info.path.startswith(f"{_OWN_FOLDER}/") for info in listed):
        raise SourceError(
            f"{uri} is a data set that Mintage wrote; its folder may hold parts that were never committed",
            "hand over the frame of the data set's scan(), which reads committed rows only",
        )
    files = [
        info for info in listed if info.path.lower().endswith(tuple(suffixes)) and not _is_hidden(info.path)
    ]
    if not files:
        names = ", ".join(info.path for info in listed[:3])
        raise SourceError(
            f"the folder {uri} has no file that ends in {' or '.join(suffixes)}; it has {names}",
            "name the files by a pattern, or say with source.kind which connector reads them",
        )
    return _with_partitions(store, files, config)


def _is_hidden(path: str) -> bool:
    return path.endswith(ATTESTATION_SUFFIX) or any(name.startswith(("_", ".")) for name in path.split("/"))


def _with_partitions(
    store: ObjectStore, files: Sequence[ObjectInfo], config: FilesConfig
) -> tuple[SourceFile, ...]:
    hive = config.partitions == "hive"
    return tuple(
        SourceFile(
            store=store, path=info.path, bytes=info.bytes, partitions=partitions_of(info.path) if hive else ()
        )
        for info in sorted(files, key=lambda info: info.path)
    )
