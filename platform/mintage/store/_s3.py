"""A bucket of S3, or of a server that speaks its protocol.

Every object is created with `If-None-Match: *`, so the store itself decides who is first. The store's
answers are taken at their word only where they are unambiguous: see `CONFLICTS`, and `PartStream.commit`
and `ObjectStore.create` for what is done when an acknowledgement was lost.
"""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING, BinaryIO, TypeVar

from s3fs import S3FileSystem

from mintage.errors import ObjectExistsError, StoreError
from mintage.store._backend import PARTIAL, Backend, PartSink
from mintage.store._reader import guarded_reader
from mintage.store._s3_failures import CONFLICTS, s3_code, s3_failures
from mintage.store.object_info import ObjectInfo, UnfinishedInfo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fsspec import AbstractFileSystem

    from mintage.store._s3_options import S3Options

UPLOAD_BYTES = 16 * 1024 * 1024
"""Bytes of each piece of an upload; all but the last have the same size, as some stores require."""

MAX_UPLOADS = 10_000
"""Most pieces of one object that S3 allows."""

_READ_BLOCK_BYTES = 4 * 1024 * 1024
_CONFLICT_PAUSES_SECONDS = (0.1, 0.2, 0.4, 0.8, 1.6)
_Answer = TypeVar("_Answer")


class S3Backend(Backend):
    """Objects of one bucket whose keys begin with a prefix. `place` is `bucket/prefix`."""

    def __init__(self, place: str, options: S3Options) -> None:
        bucket, _, prefix = place.partition("/")
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""
        self._fs = _open_file_system(options)

    def create(self, path: str, data: bytes) -> None:
        """One conditional PUT, whatever the size: an upload in pieces would leave pieces behind."""
        full = f"{self._bucket}/{self._key(path)}"
        with s3_failures("create", self.uri(path)):
            _while_conflicting(lambda: self._fs.pipe_file(full, data, mode="create", chunksize=len(data) + 1))

    def read(self, path: str, limit_bytes: int, start: int = 0) -> bytes:
        """One ranged GET."""
        full = f"{self._bucket}/{self._key(path)}"
        with s3_failures("read", self.uri(path)):
            try:
                return bytes(self._fs.cat_file(full, start=start, end=start + limit_bytes))
            except OSError as exc:
                if s3_code(exc) in ("InvalidRange", "416"):
                    return b""  # there is nothing at or behind `start`: an empty object has no range at all
                raise

    def open(self, path: str) -> BinaryIO:
        """A stream that fetches blocks as they are read."""
        uri = self.uri(path)
        size = self.size(path)
        with s3_failures("read", uri):
            raw = self._fs.open(
                f"{self._bucket}/{self._key(path)}", "rb", block_size=_READ_BLOCK_BYTES, size=size
            )
        return guarded_reader(raw, lambda: s3_failures("read", uri))

    def size(self, path: str) -> int:
        """One HEAD."""
        with s3_failures("look at", self.uri(path)):
            return int(
                self._fs.call_s3("head_object", Bucket=self._bucket, Key=self._key(path))["ContentLength"]
            )

    def objects(self, folder: str) -> list[ObjectInfo]:
        """Page through the keys below a folder."""
        top = f"{self._prefix}{folder}/" if folder else self._prefix
        with s3_failures("list", self.uri(folder)):
            return [
                ObjectInfo(
                    path=str(entry["Key"]).removeprefix(self._prefix),
                    bytes=int(str(entry["Size"])),
                    modified=_seconds(entry.get("LastModified")),
                )
                for entry in self._entries(top)
                if not str(entry["Key"]).endswith((PARTIAL, "/"))
            ]

    def part(self, path: str) -> PartSink:
        """An upload in pieces, or one PUT when it stays small."""
        return _S3Part(self._fs, bucket=self._bucket, key=self._key(path), uri=self.uri(path))

    def remove(self, path: str) -> None:
        """One DELETE."""
        with s3_failures("remove", self.uri(path)):
            self._fs.call_s3("delete_object", Bucket=self._bucket, Key=self._key(path))

    def unfinished(self) -> list[UnfinishedInfo]:
        """Uploads in pieces that were neither completed nor dropped."""
        with s3_failures("list the uploads of", self.uri("")):
            return [
                UnfinishedInfo(
                    path=str(entry["Key"]).removeprefix(self._prefix),
                    bytes=0,
                    modified=_seconds(entry.get("Initiated")),
                    token=str(entry["UploadId"]),
                )
                for entry in self._uploads()
                # Some servers take the prefix for a folder, or do not look at it.
                if str(entry["Key"]).startswith(self._prefix)
            ]

    def drop(self, token: str, path: str) -> None:
        """Abort one upload."""
        with s3_failures("drop the upload of", self.uri(path)):
            try:
                self._fs.call_s3(
                    "abort_multipart_upload", Bucket=self._bucket, Key=self._key(path), UploadId=token
                )
            except FileNotFoundError as exc:
                if s3_code(exc) != "NoSuchUpload":
                    raise

    def filesystem(self) -> tuple[AbstractFileSystem, str]:
        """The client that this store uses."""
        return self._fs, f"{self._bucket}/{self._prefix}".rstrip("/")

    def uri(self, path: str) -> str:
        """Where an object lies, for messages."""
        return f"s3://{self._bucket}/{self._prefix}{path}"

    def _key(self, path: str) -> str:
        if "?versionId=" in path:
            # s3fs would take it for the version of another object.
            raise StoreError(f"{path!r} cannot name an object: it holds '?versionId='", "choose another name")
        return self._prefix + path

    def _uploads(self) -> Iterator[dict[str, object]]:
        more: dict[str, str] = {}
        while True:
            page = self._fs.call_s3(
                "list_multipart_uploads", Bucket=self._bucket, Prefix=self._prefix, **more
            )
            yield from page.get("Uploads", [])
            if not page.get("IsTruncated"):
                return
            more = {"KeyMarker": page["NextKeyMarker"], "UploadIdMarker": page["NextUploadIdMarker"]}

    def _entries(self, top: str) -> Iterator[dict[str, object]]:
        more: dict[str, str] = {}
        while True:
            page = self._fs.call_s3("list_objects_v2", Bucket=self._bucket, Prefix=top, **more)
            yield from page.get("Contents", [])
            if not page.get("IsTruncated"):
                return
            more = {"ContinuationToken": page["NextContinuationToken"]}


class _S3Part(PartSink):
    def __init__(self, fs: S3FileSystem, *, bucket: str, key: str, uri: str) -> None:
        self._fs = fs
        self._object = {"Bucket": bucket, "Key": key}
        self._uri = uri
        self._buffer = bytearray()
        self._upload_id: str | None = None
        self._pieces: list[dict[str, object]] = []

    def append(self, data: bytes) -> None:
        self._buffer += data
        while len(self._buffer) > UPLOAD_BYTES:
            self._upload(bytes(self._buffer[:UPLOAD_BYTES]))
            del self._buffer[:UPLOAD_BYTES]

    def publish(self) -> None:
        if self._upload_id is None:
            with s3_failures("create", self._uri):
                body = bytes(self._buffer)
                _while_conflicting(lambda: self._call("put_object", Body=body, IfNoneMatch="*"))
            return
        try:
            self._finish_upload()
        except StoreError as exc:
            # The upload is not known any more: it was completed and the answer lost, or it was removed.
            if exc.__cause__ and s3_code(exc.__cause__) == "NoSuchUpload" and self._is_there():
                raise ObjectExistsError(f"cannot create {self._uri}: it exists already", exc.hint) from exc
            raise

    def abandon(self) -> None:
        self._buffer.clear()
        if self._upload_id is None:
            return
        upload_id, self._upload_id = self._upload_id, None
        with s3_failures("drop the upload of", self._uri):
            try:
                self._call("abort_multipart_upload", UploadId=upload_id)
            except FileNotFoundError as exc:
                if s3_code(exc) != "NoSuchUpload":
                    raise

    def _upload(self, data: bytes) -> None:
        if len(self._pieces) == MAX_UPLOADS:
            raise StoreError(
                f"cannot write {self._uri}: it would exceed {MAX_UPLOADS * UPLOAD_BYTES} bytes",
                "make smaller shards: lower sink.shard_rows",
            )
        with s3_failures("write", self._uri):
            if self._upload_id is None:
                self._upload_id = str(self._call("create_multipart_upload")["UploadId"])
            number = len(self._pieces) + 1
            answer = self._call("upload_part", UploadId=self._upload_id, PartNumber=number, Body=data)
            self._pieces.append({"PartNumber": number, "ETag": answer["ETag"]})

    def _finish_upload(self) -> None:
        if self._buffer:
            self._upload(bytes(self._buffer))
            self._buffer.clear()
        with s3_failures("create", self._uri):
            _while_conflicting(self._complete)

    def _is_there(self) -> bool:
        with s3_failures("look at", self._uri):
            try:
                self._call("head_object")
            except FileNotFoundError:
                return False
            return True

    def _complete(self) -> object:
        return self._call(
            "complete_multipart_upload",
            UploadId=self._upload_id,
            MultipartUpload={"Parts": self._pieces},
            IfNoneMatch="*",
        )

    def _call(self, method: str, **arguments: object) -> dict[str, object]:
        answer: dict[str, object] = self._fs.call_s3(method, **self._object, **arguments)
        return answer


def _seconds(time_: object) -> float | None:
    """A time of the server's in seconds since 1970."""
    return time_.timestamp() if isinstance(time_, datetime) else None


def _open_file_system(options: S3Options) -> S3FileSystem:
    # Neither instances nor listings are shared: what others wrote a moment ago must be seen, and
    # credentials must be those of now.
    fs = S3FileSystem(
        anon=options.anonymous,
        endpoint_url=options.endpoint_url,
        requester_pays=options.requester_pays,
        client_kwargs={"region_name": options.region} if options.region else {},
        config_kwargs={
            "connect_timeout": options.connect_timeout_seconds,
            "read_timeout": options.read_timeout_seconds,
            "retries": {"mode": "standard", "total_max_attempts": options.max_attempts},
        },
        skip_instance_cache=True,
        use_listings_cache=False,
        **({"profile": options.profile} if options.profile else {}),
    )
    # botocore retries already; both together would multiply to minutes.
    fs.retries = 1
    return fs


def _while_conflicting(call: Callable[[], _Answer]) -> _Answer:
    for pause in _CONFLICT_PAUSES_SECONDS:
        try:
            return call()
        except OSError as exc:
            if s3_code(exc) not in CONFLICTS:
                raise
            time.sleep(pause)
    return call()
