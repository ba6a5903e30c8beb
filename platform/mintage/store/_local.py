"""A folder of a file system.

An object is written under a temporary name, flushed to the disk, and linked to its own name, which
fails when that name is taken: readers see all of it or nothing, and two writers cannot both win.
"""

from __future__ import annotations

import io
import os
import stat
import uuid
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import fsspec

from mintage.errors import ObjectMissingError, StoreError
from mintage.store._backend import PARTIAL, Backend, PartSink
from mintage.store._failures import os_failures
from mintage.store._reader import guarded_reader
from mintage.store.object_info import ObjectInfo, UnfinishedInfo

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fsspec import AbstractFileSystem

_OPEN_ATTEMPTS = 20


class LocalBackend(Backend):
    """Objects are files below `root`."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._made: set[Path] = set()

    def create(self, path: str, data: bytes) -> None:
        """Write, flush and link one small file."""
        sink = self.part(path)
        try:
            sink.append(data)
            sink.publish()
        finally:
            sink.abandon()

    def read(self, path: str, limit_bytes: int, start: int = 0) -> bytes:
        """Read what was asked for and no more: a stream would fill its buffer."""
        target = self._root / path
        with os_failures("read", str(target)):
            size = self._check_regular(target).st_size
            with target.open("rb", buffering=0) as file:
                file.seek(start)
                return _read_all(file, min(limit_bytes, max(size - start, 0)))

    def open(self, path: str) -> BinaryIO:
        """Open a regular file; a device or a pipe could block for ever."""
        target = self._root / path
        with os_failures("read", str(target)):
            self._check_regular(target)
            return guarded_reader(target.open("rb", buffering=0), lambda: os_failures("read", str(target)))

    def size(self, path: str) -> int:
        """Size by the file system."""
        target = self._root / path
        with os_failures("look at", str(target)):
            return self._check_regular(target).st_size

    def objects(self, folder: str) -> list[ObjectInfo]:
        """Walk the folder; links to folders are not followed, links to files are."""
        top = self._root / folder
        with os_failures("list", str(top)):
            return list(self._walk(top))

    def part(self, path: str) -> PartSink:
        """Open a temporary file beside the final name."""
        target = self._root / path
        with os_failures("create", str(target)):
            self._check_inside(target)
            temporary = target.with_name(f"{target.name}.{uuid.uuid4().hex}{PARTIAL}")
            return self._open_part(target, temporary)

    def remove(self, path: str) -> None:
        """Remove the file, and the folders that this store made for it when they are empty now."""
        target = self._root / path
        with os_failures("remove", str(target)):
            self._check_inside(target)
            # Below something that is no folder there is nothing to remove either.
            with suppress(FileNotFoundError, NotADirectoryError):
                target.unlink()
        for folder in target.parents:
            if folder not in self._made or not _remove_empty(folder):
                break
            self._made.discard(folder)

    def leads_outside(self, path: str) -> bool:
        """Follow all links on the way."""
        target = self._root / path
        with os_failures("look at", str(target)):
            return not _real(target).is_relative_to(_real(self._root))

    def unfinished(self) -> list[UnfinishedInfo]:
        """The temporary files."""
        with os_failures("list", str(self._root)):
            return [
                UnfinishedInfo(
                    path=one.path.rsplit(".", 2)[0], bytes=one.bytes, modified=one.modified, token=one.path
                )
                for one in self._walk(self._root, partial=True)
            ]

    def drop(self, token: str, path: str) -> None:
        """Remove one temporary file."""
        del path
        if token.endswith(PARTIAL):
            self.remove(token)

    def filesystem(self) -> tuple[AbstractFileSystem, str]:
        """That of this machine."""
        return fsspec.filesystem("file"), str(self._root)

    def _check_inside(self, target: Path) -> None:
        if not _real(target.parent).is_relative_to(_real(self._root)):
            raise StoreError(
                f"cannot write {target}: a symbolic link leads out of {self._root}", "remove the link"
            )

    def _check_regular(self, target: Path) -> os.stat_result:
        found = target.stat()
        if stat.S_ISDIR(found.st_mode):
            raise ObjectMissingError(f"cannot read {target}: it is a folder", "name a file")
        if not stat.S_ISREG(found.st_mode):
            raise StoreError(f"cannot read {target}: it is not a regular file", "remove it")
        return found

    def _walk(self, top: Path, *, partial: bool = False) -> Iterator[ObjectInfo]:
        for folder, _, names in os.walk(top, onerror=_raise_unless_gone):
            for name in names:
                file = Path(folder, name)
                if name.endswith(PARTIAL) != partial or (found := _stat_unless_gone(file)) is None:
                    continue
                if stat.S_ISREG(found.st_mode):
                    path = file.relative_to(self._root).as_posix()
                    yield ObjectInfo(path=path, bytes=found.st_size, modified=found.st_mtime)

    def _open_part(self, target: Path, temporary: Path) -> PartSink:
        for attempt in range(_OPEN_ATTEMPTS):
            try:
                made = self._make_folder(temporary.parent)
                file = temporary.open("xb")
            except FileNotFoundError as exc:
                # Somebody removed a folder that was still empty, as probes do; or none can be made there.
                if attempt + 1 == _OPEN_ATTEMPTS:
                    raise StoreError(
                        f"cannot create the folder {temporary.parent}: the file system does not permit it",
                        "choose another folder",
                    ) from exc
            else:
                # All of them, up to the root: somebody else may have made one and not flushed it yet.
                inside = [one for one in target.parents if one.is_relative_to(self._root)]
                return _LocalPart(target, temporary, file, [*inside, *(one.parent for one in made)])
        raise AssertionError

    def _make_folder(self, folder: Path) -> list[Path]:
        missing = [one for one in (folder, *folder.parents) if not one.exists()]
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except FileExistsError as exc:
            if not folder.exists():
                raise FileNotFoundError(str(folder)) from exc
            raise StoreError(
                f"cannot create the folder {folder}: a file stands where a folder is needed",
                "choose another folder, or move the file",
            ) from exc
        self._made.update(missing)
        return missing


class _LocalPart(PartSink):
    def __init__(self, target: Path, temporary: Path, file: BinaryIO, folders: list[Path]) -> None:
        self._target = target
        self._temporary = temporary
        self._file = file
        self._folders = folders

    def append(self, data: bytes) -> None:
        with os_failures("write", str(self._target)):
            self._file.write(data)

    def publish(self) -> None:
        with os_failures("create", str(self._target)):
            self._file.flush()
            os.fsync(self._file.fileno())
            try:
                self._target.hardlink_to(self._temporary)
            finally:
                # Also when the name is taken: the caller may find the same bytes there, and rely on them.
                for folder in self._folders:
                    _flush_folder(folder)
        self.abandon()

    def abandon(self) -> None:
        # Bytes that cannot be flushed any more are dropped here anyway; the file is closed all the same.
        with suppress(OSError):
            self._file.close()
        with os_failures("remove", str(self._temporary)):
            self._temporary.unlink(missing_ok=True)


def _read_all(file: io.FileIO, count: int) -> bytes:
    """`count` bytes from where the file stands, or as many as there are."""
    blocks: list[bytes] = []
    while count > 0 and (block := file.read(count)):
        blocks.append(block)
        count -= len(block)
    return blocks[0] if len(blocks) == 1 else b"".join(blocks)


def _real(path: Path) -> Path:
    """The path without links, as far as they lead; `Path.resolve` fails where they go in a circle."""
    return Path(os.path.realpath(path))


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _remove_empty(folder: Path) -> bool:
    try:
        folder.rmdir()
    except OSError:
        # Not empty, or gone: then it is not ours to remove any more.
        return False
    return True


def _raise_unless_gone(exc: OSError) -> None:
    if not isinstance(exc, FileNotFoundError | NotADirectoryError):
        raise exc


def _stat_unless_gone(file: Path) -> os.stat_result | None:
    try:
        return file.stat()
    except FileNotFoundError:
        return None
