from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from mintage.errors import ObjectExistsError, StoreError
from mintage.store import ObjectStore

# Some of the folders of /proc and /sys refuse even root.
READ_ONLY_FOLDER = Path("/proc/self/fdinfo")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "dataset"


@pytest.fixture
def store(root: Path) -> ObjectStore:
    return ObjectStore.open(str(root))


def files_below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def run_python(body: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(body), *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_opening_touches_nothing(root: Path, store: ObjectStore) -> None:
    assert store.list("") == []
    assert not root.exists()


@pytest.mark.parametrize("folders", ["", "deep/er"], ids=["root", "folders-above-it"])
def test_a_probe_removes_the_folders_it_made(tmp_path: Path, folders: str) -> None:
    (tmp_path / "there").mkdir()

    ObjectStore.open(str(tmp_path / "there" / folders / "dataset")).probe()
    assert files_below(tmp_path) == ["there"]


def test_a_probe_keeps_folders_that_were_there(root: Path, store: ObjectStore) -> None:
    root.mkdir()

    store.probe()
    assert root.is_dir()


def test_no_temporary_file_stays(root: Path, store: ObjectStore) -> None:
    store.create("a", b"first")
    with pytest.raises(ObjectExistsError):
        store.create("a", b"second")
    with store.part("b") as part:
        part.write(b"x")
        part.commit()

    def interrupt() -> None:
        with store.part("c") as part:
            part.write(b"x")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupt()
    assert files_below(root) == ["a", "b"]


def test_what_a_killed_writer_left_is_not_listed_and_stops_nobody(root: Path, store: ObjectStore) -> None:
    killed = run_python(
        """
        import os, signal, sys
        from mintage.store import ObjectStore
        part = ObjectStore.open(sys.argv[1]).part("data/t/part-000001")
        part.write(b"x" * 100_000)
        os.kill(os.getpid(), signal.SIGKILL)
        """,
        str(root),
    )
    assert killed.returncode == -9
    assert [Path(name).suffix for name in files_below(root / "data" / "t")] == [".partial"]

    assert store.list("") == []
    with store.part("data/t/part-000001") as part:
        part.write(b"whole")
        part.commit()
    assert [found.path for found in store.list("")] == ["data/t/part-000001"]


def test_a_full_disk_is_told_and_leaves_nothing(root: Path) -> None:
    # A limit on the size of files fails like a full disk does: in the middle of a write, with an OSError.
    limited = run_python(
        """
        import resource, sys
        from mintage.errors import StoreError
        from mintage.store import ObjectStore
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
        store = ObjectStore.open(sys.argv[1])
        store.create("small", b"x")
        def write_part():
            with store.part("data/part") as part:
                part.write(b"x" * 1_000_000)
                part.commit()
        def commit_after_a_failed_write():
            with store.part("data/broken") as part:
                try:
                    part.write(b"x" * 1_000_000)
                except StoreError:
                    part.commit()
        for write in (
            lambda: store.create("large", b"x" * 5000), write_part, store.probe, commit_after_a_failed_write
        ):
            try:
                write()
            except StoreError as error:
                print(error.message)
        print([found.path for found in store.list("")])
        """,
        str(root),
    )
    lines = limited.stdout.splitlines()
    assert len(lines) == 5, limited.stderr
    assert all("file-size limit" in line for line in lines[:3])
    assert lines[3].endswith("data/broken is broken")
    assert lines[4] == "['small']"
    assert [name for name in files_below(root) if name not in ("small", "data")] == []


@pytest.mark.parametrize(
    "write",
    [
        lambda store: store.probe(),
        lambda store: store.create("data/x", b"x"),
        lambda store: store.part("data/x"),
    ],
    ids=["probe", "create", "part"],
)
def test_a_file_in_place_of_the_folder_is_told(
    tmp_path: Path, write: Callable[[ObjectStore], object]
) -> None:
    (tmp_path / "dataset").write_text("a file")

    with pytest.raises(StoreError, match="a file stands where a folder is needed"):
        write(ObjectStore.open(str(tmp_path / "dataset")))
    assert (tmp_path / "dataset").read_text() == "a file"


@pytest.mark.skipif(not READ_ONLY_FOLDER.is_dir(), reason="needs Linux's /proc")
def test_a_folder_that_cannot_be_written_is_told() -> None:
    with pytest.raises(StoreError, match="cannot create") as caught:
        ObjectStore.open(str(READ_ONLY_FOLDER / "dataset")).probe()
    assert "choose" in caught.value.hint


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_told(root: Path, store: ObjectStore) -> None:
    root.mkdir(mode=0o555)

    with pytest.raises(StoreError, match="permission denied"):
        store.probe()


def test_a_link_out_of_the_folder_is_not_written_through(
    tmp_path: Path, root: Path, store: ObjectStore
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("x")
    root.mkdir()
    (root / "data").symlink_to(outside)

    for write in (
        lambda: store.create("data/x", b"x"),
        lambda: store.part("data/x"),
        lambda: store.discard("data/kept"),
        lambda: store.create("data/deep/x", b"x"),
    ):
        with pytest.raises(StoreError, match="leads out of"):
            write()
    assert files_below(outside) == ["kept"]


def test_a_file_that_is_linked_from_elsewhere_is_read(tmp_path: Path, root: Path, store: ObjectStore) -> None:
    (tmp_path / "blob").write_bytes(b"x")
    root.mkdir()
    (root / "linked").symlink_to(tmp_path / "blob")
    (root / "broken").symlink_to(tmp_path / "nothing")

    assert store.read("linked", max_bytes=1) == b"x"
    assert [found.path for found in store.list("")] == ["linked"]


def test_a_pipe_is_refused_and_not_waited_for(root: Path, store: ObjectStore) -> None:
    root.mkdir()
    os.mkfifo(root / "pipe")

    with pytest.raises(StoreError, match="not a regular file"):
        store.read("pipe", max_bytes=1)
    assert store.list("") == []


def test_writers_and_probes_do_not_disturb_each_other(root: Path) -> None:
    # A probe removes the folder that it made when it is empty, maybe just before another one writes there.
    def work(number: int) -> None:
        store = ObjectStore.open(str(root))
        store.probe()
        store.create(f"data/{number}", b"x")

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(40)))
    assert len(ObjectStore.open(str(root)).list("data")) == 40


def test_folders_that_are_removed_while_they_are_empty_are_made_again(root: Path, store: ObjectStore) -> None:
    done = threading.Event()

    def remove() -> None:
        while not done.wait(0.0005):
            with suppress(OSError):
                (root / "data").rmdir()

    remover = threading.Thread(target=remove)
    remover.start()
    try:
        for number in range(200):
            store.create(f"data/{number}", b"x")
            store.discard(f"data/{number}")
    finally:
        done.set()
        remover.join()


def test_a_store_that_was_opened_can_be_pickled(store: ObjectStore) -> None:
    import pickle

    store.create("a", b"x")
    with store.part("b") as part:
        part.write(b"x")
        assert pickle.loads(pickle.dumps(store)).read("a", max_bytes=1) == b"x"
    assert str(store) == f"ObjectStore('{store.uri}')"


def test_only_memory_is_of_one_process(store: ObjectStore) -> None:
    assert store.is_shared
    assert store.scheme == "file"
    assert not ObjectStore.open("memory://x").is_shared


def test_a_body_that_fails_is_told_even_when_its_part_cannot_be_dropped(
    root: Path, store: ObjectStore
) -> None:
    def fail() -> None:
        with store.part("data/part") as part:
            part.write(b"x")
            # What the part would remove is not a file any more.
            (partial,) = (root / "data").iterdir()
            partial.unlink()
            partial.mkdir()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as caught:
        fail()
    assert "could not be dropped" in caught.value.__notes__[0]
