from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mintage.errors import ObjectMissingError, StoreError, StoreUnavailableError
from mintage.store import ObjectStore, UrlPolicy

WITH_HTTP = UrlPolicy(schemes=("http",))


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        del format, args


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.csv").write_bytes(b"x,y\n1,2\n")
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def store(address: str) -> ObjectStore:
    return ObjectStore.open(address, policy=WITH_HTTP)


def test_a_source_elsewhere_is_read(store: ObjectStore) -> None:
    assert store.read("data/a.csv", max_bytes=100) == b"x,y\n1,2\n"
    assert store.size("data/a.csv") == 8
    assert store.exists("data/a.csv")
    filesystem, root = store.filesystem()
    assert filesystem.cat_file(f"{root}/data/a.csv") == b"x,y\n1,2\n"
    assert [found.path for found in store.list("data")] == ["data/a.csv"]


def test_what_is_not_there_is_missing(store: ObjectStore) -> None:
    assert not store.exists("data/b.csv")
    with pytest.raises(ObjectMissingError):
        store.read("data/b.csv", max_bytes=100)


def test_nothing_is_written_where_creates_are_not_exclusive(store: ObjectStore) -> None:
    for write in (
        lambda: store.create("data/x", b"x"),
        lambda: store.part("data/x"),
        lambda: store.discard("data/a.csv"),
        store.probe,
    ):
        with pytest.raises(StoreError, match="http:// locations can only be read"):
            write()


def test_a_server_that_is_not_there_can_be_tried_again() -> None:
    with pytest.raises(StoreUnavailableError):
        ObjectStore.open("http://127.0.0.1:1", policy=WITH_HTTP).read("x", max_bytes=1)


def test_a_missing_package_is_named() -> None:
    with pytest.raises(StoreError) as caught:
        ObjectStore.open("gs://bucket/x").exists("y")
    assert "pip install gcsfs" in caught.value.hint
