"""What every kind of store keeps to: a test module subclasses it and gives an empty `store`."""

from __future__ import annotations

import hashlib
import pickle
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import dataset

from mintage.errors import ObjectExistsError, ObjectMissingError, StoreError
from mintage.store import ObjectInfo, ObjectStore

CREATORS = 8

ODD_NAMES = [
    "with space",
    "é-日本-ß",
    "100%25",
    "a+b&c=d",
    "hash#mark",
    "what?",
    "[a]*",
    "~tilde",
    "a::b",
    "x://y",
]


def write_part(store: ObjectStore, path: str, data: bytes) -> None:
    """Write a part and commit it."""
    with store.part(path) as part:
        part.write(data)
        part.commit()


class StoreContract:
    def test_a_created_object_is_read_back(self, store: ObjectStore) -> None:
        store.create("_mintage/plan.json", b'{"rows": 3}')

        assert store.read("_mintage/plan.json", max_bytes=100) == b'{"rows": 3}'
        assert store.size("_mintage/plan.json") == 11
        assert store.exists("_mintage/plan.json")
        assert store.list("") == [ObjectInfo(path="_mintage/plan.json", bytes=11)]

    def test_a_second_create_of_other_bytes_is_refused(self, store: ObjectStore) -> None:
        store.create("plan.json", b"first")

        with pytest.raises(ObjectExistsError, match=r"plan\.json"):
            store.create("plan.json", b"second")
        assert store.read("plan.json", max_bytes=10) == b"first"

    @pytest.mark.parametrize("other", [b"firs", b"first!"], ids=["shorter", "longer"])
    def test_a_prefix_of_the_bytes_there_is_not_the_same(self, store: ObjectStore, other: bytes) -> None:
        store.create("plan.json", b"first")

        with pytest.raises(ObjectExistsError):
            store.create("plan.json", other)

    def test_a_second_create_of_the_same_bytes_is_done(self, store: ObjectStore) -> None:
        store.create("plan.json", b"first")
        store.create("plan.json", b"first")

        assert store.list("") == [ObjectInfo(path="plan.json", bytes=5)]

    def test_an_empty_object_is_refused(self, store: ObjectStore) -> None:
        with pytest.raises(StoreError, match="would be empty"):
            store.create("plan.json", b"")
        assert store.list("") == []

    def test_one_of_many_creators_wins(self, store: ObjectStore) -> None:
        start = threading.Barrier(CREATORS)

        def create(number: int) -> int | None:
            start.wait()
            try:
                store.create("_mintage/commits/000017.json", f"attempt {number}".encode())
            except ObjectExistsError:
                return None
            return number

        with ThreadPoolExecutor(CREATORS) as threads:
            winners = [number for number in threads.map(create, range(CREATORS)) if number is not None]
        assert len(winners) == 1
        assert store.read("_mintage/commits/000017.json", max_bytes=20) == f"attempt {winners[0]}".encode()
        assert [found.path for found in store.list("")] == ["_mintage/commits/000017.json"]

    @pytest.mark.parametrize(
        "look",
        [
            lambda store: store.read("a/missing", max_bytes=10),
            lambda store: store.size("a/missing"),
            lambda store: store.open_read("a/missing"),
            lambda store: store.size("a"),
            lambda store: store.read("a", max_bytes=10),
            lambda store: store.open_read("a"),
        ],
        ids=["read", "size", "open", "size-of-folder", "read-folder", "open-folder"],
    )
    def test_what_is_not_there_is_missing(
        self, store: ObjectStore, look: Callable[[ObjectStore], object]
    ) -> None:
        store.create("a/there", b"x")

        with pytest.raises(ObjectMissingError):
            look(store)

    def test_a_folder_does_not_exist_as_an_object(self, store: ObjectStore) -> None:
        store.create("a/there", b"x")

        assert not store.exists("a")
        assert not store.exists("a/missing")
        assert not store.exists("b/missing")

    def test_more_bytes_than_expected_are_not_read(self, store: ObjectStore) -> None:
        store.create("large", b"x" * 11)

        assert store.read("large", max_bytes=11) == b"x" * 11
        with pytest.raises(StoreError, match="more than the 10 bytes"):
            store.read("large", max_bytes=10)

    def test_a_listing_is_recursive_sorted_and_keeps_to_its_folder(self, store: ObjectStore) -> None:
        for path in [
            "data/b/2",
            "data/a/1",
            "data/a-b",
            "data2/x",
            "data.txt",
            "_mintage/commits/000001.json",
        ]:
            store.create(path, b"x")

        assert [found.path for found in store.list("data")] == ["data/a-b", "data/a/1", "data/b/2"]
        assert store.list("data/") == store.list("data")
        assert [found.path for found in store.list("data/a")] == ["data/a/1"]
        assert store.list("data/a/1") == []
        assert store.list("nowhere") == []
        assert len(store.list("")) == 6

    def test_unfinished_files_are_not_listed_and_not_made(self, store: ObjectStore) -> None:
        with pytest.raises(StoreError, match="unfinished"):
            store.create("data/part.partial", b"x")
        with pytest.raises(StoreError, match="unfinished"):
            store.part("data/part.partial")

    def test_a_committed_part_tells_its_bytes_and_digest(self, store: ObjectStore) -> None:
        with store.part("data/t/part-000001-a.parquet") as part:
            assert part.write(b"one ") == 4
            assert part.write(memoryview(b"two")) == 3
            assert part.tell() == 7
            part.commit()

        assert part.bytes == 7
        assert part.sha256 == hashlib.sha256(b"one two").hexdigest()
        assert store.read("data/t/part-000001-a.parquet", max_bytes=7) == b"one two"

    def test_a_part_is_not_seen_before_its_commit(self, store: ObjectStore) -> None:
        with store.part("data/part") as part:
            part.write(b"half")
            assert store.list("") == []
            assert not store.exists("data/part")
            part.commit()
            assert store.exists("data/part")

    def test_a_part_whose_body_fails_leaves_nothing(self, store: ObjectStore) -> None:
        part = store.part("data/part")

        def fail() -> None:
            with part:
                part.write(b"half")
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail()
        assert store.list("") == []
        with pytest.raises(StoreError, match="closed"):
            part.commit()

    def test_a_part_that_is_not_committed_leaves_nothing(self, store: ObjectStore) -> None:
        with store.part("data/part") as part:
            part.write(b"half")
        assert store.list("") == []
        assert not store.exists("data/part")

    def test_a_part_never_overwrites(self, store: ObjectStore) -> None:
        store.create("data/part", b"first")

        with pytest.raises(ObjectExistsError):
            write_part(store, "data/part", b"other")
        assert store.read("data/part", max_bytes=10) == b"first"

    def test_a_part_of_the_bytes_that_are_there_is_done(self, store: ObjectStore) -> None:
        store.create("data/part", b"first")

        with store.part("data/part") as part:
            part.write(b"first")
            part.commit()
        assert part.bytes == 5

    def test_an_empty_part_is_a_part(self, store: ObjectStore) -> None:
        with store.part("data/part") as part:
            part.commit()

        assert part.sha256 == hashlib.sha256().hexdigest()
        assert store.size("data/part") == 0
        assert store.read("data/part", max_bytes=10) == b""
        with pytest.raises(ObjectExistsError):
            write_part(store, "data/part", b"x")

    def test_a_part_is_finished_once(self, store: ObjectStore) -> None:
        with store.part("data/part") as part:
            with pytest.raises(StoreError, match="not committed"):
                _ = part.sha256
            part.commit()
            with pytest.raises(StoreError, match="committed"):
                part.commit()
            with pytest.raises(StoreError, match="committed"):
                part.write(b"more")

    def test_parquet_is_written_and_read_through_streams(self, store: ObjectStore) -> None:
        table = pa.table({"number": list(range(1000)), "text": ["word"] * 1000})

        with store.part("data/t/part.parquet") as part:
            pq.write_table(table, part, row_group_size=100)
            part.commit()
        with store.open_read("data/t/part.parquet") as stream:
            file = pq.ParquetFile(stream)
            assert file.read_row_group(7, columns=["number"])["number"].to_pylist() == list(range(700, 800))
            assert file.read().equals(table)

    def test_arrow_reads_parts_through_the_file_system(self, store: ObjectStore) -> None:
        table = pa.table({"number": list(range(10))})
        with store.part("data/t/part.parquet") as part:
            pq.write_table(table, part)
            part.commit()

        filesystem, root = store.filesystem()
        found = dataset.dataset([f"{root}/data/t/part.parquet"], filesystem=filesystem, format="parquet")
        assert found.to_table().equals(table)
        copy = pickle.loads(pickle.dumps(filesystem))
        assert copy.size(f"{root}/data/t/part.parquet") == part.bytes

    def test_a_stream_seeks(self, store: ObjectStore) -> None:
        store.create("digits", b"0123456789")

        with store.open_read("digits") as stream:
            assert stream.seekable()
            stream.seek(-3, 2)
            assert stream.read() == b"789"
            assert stream.seek(2) == 2
            assert stream.read(2) == b"23"
            assert stream.tell() == 4

    def test_only_attempts_are_discarded(self, store: ObjectStore) -> None:
        kept = ["_mintage/plan.json", "database/x"]
        for path in ["data/t/part", "_mintage/rejects/t/part", "_mintage/sketches/t/part", *kept]:
            store.create(path, b"x")

        store.discard("data/t/part")
        store.discard("data/t/part")
        store.discard("_mintage/rejects/t/part")
        store.discard("_mintage/sketches/t/part")
        for path in kept:
            with pytest.raises(StoreError, match="must not be removed"):
                store.discard(path)
        assert [found.path for found in store.list("")] == kept

    def test_a_probe_leaves_nothing(self, store: ObjectStore) -> None:
        store.probe()

        assert store.list("") == []

    def test_a_pickled_store_leads_to_the_same_place(self, store: ObjectStore) -> None:
        store.create("plan.json", b"x")

        copy = pickle.loads(pickle.dumps(store))
        assert copy.uri == store.uri
        assert copy.read("plan.json", max_bytes=10) == b"x"

    @pytest.mark.parametrize(
        "call",
        [
            lambda store, path: store.create(path, b"x"),
            lambda store, path: store.read(path, max_bytes=10),
            lambda store, path: store.open_read(path),
            lambda store, path: store.size(path),
            lambda store, path: store.exists(path),
            lambda store, path: store.list(path),
            lambda store, path: store.part(path),
            lambda store, path: store.discard(path),
        ],
        ids=["create", "read", "open_read", "size", "exists", "list", "part", "discard"],
    )
    def test_no_call_leaves_the_root(
        self, store: ObjectStore, call: Callable[[ObjectStore, str], object]
    ) -> None:
        for path in ["data/../../outside", "/etc/passwd"]:
            with pytest.raises(StoreError, match="cannot name an object"):
                call(store, path)

    @pytest.mark.parametrize("name", ODD_NAMES)
    def test_odd_names_are_only_names(self, store: ObjectStore, name: str) -> None:
        path = f"data/{name}".replace("//", "/")
        store.create(path, b"x")

        assert store.read(path, max_bytes=1) == b"x"
        assert [found.path for found in store.list("data")] == [path]
        with store.open_read(path) as stream:
            assert stream.read() == b"x"
        store.discard(path)
        assert store.list("") == []
