"""Locations: a file, a folder, a pattern; and the digest of what is there."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from mintage.errors import SourceError, SpecError
from mintage.store import ObjectStore
from tests.unit.connectors.tables import read, reader, write


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with files of one table, and some that do not belong to it."""
    for name in ("a.csv", "b.csv", "sub/c.csv", "sub/deep/d.csv", "[odd].csv"):
        write(tmp_path / name, f"file\n{name}\n")
    for name in ("_SUCCESS", ".hidden.csv", "_tmp/x.csv", "notes.txt"):
        write(tmp_path / name, "file\nwrong\n")
    return tmp_path


@pytest.mark.parametrize(
    ("location", "files"),
    [
        ("", ["[odd].csv", "a.csv", "b.csv", "sub/c.csv", "sub/deep/d.csv"]),
        ("/", ["[odd].csv", "a.csv", "b.csv", "sub/c.csv", "sub/deep/d.csv"]),
        ("/a.csv", ["a.csv"]),
        ("/[odd].csv", ["[odd].csv"]),
        ("/*.csv", ["[odd].csv", "a.csv", "b.csv"]),
        ("/[ab].csv", ["a.csv", "b.csv"]),
        ("/[!a].csv", ["b.csv"]),
        ("/?.csv", ["a.csv", "b.csv"]),
        ("/**/*.csv", ["[odd].csv", "a.csv", "b.csv", "sub/c.csv", "sub/deep/d.csv"]),
        ("/su*/c.csv", ["sub/c.csv"]),
        ("/s*/**", ["sub/c.csv", "sub/deep/d.csv"]),
    ],
)
def test_a_location_means_these_files(folder: Path, location: str, files: list[str]) -> None:
    assert sorted(read("csv", f"{folder}{location}")["file"].to_pylist()) == files


@pytest.mark.parametrize("form", ["file://{0}/a.csv", "{0}/a.csv"])
def test_local_files_have_two_forms(folder: Path, form: str) -> None:
    assert read("csv", form.format(folder))["file"].to_pylist() == ["a.csv"]


def test_a_relative_path_is_that_of_the_process(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert read("csv", "a.csv")["file"].to_pylist() == read("csv", "./a.csv")["file"].to_pylist() == ["a.csv"]


def test_any_store_can_be_read() -> None:
    store = ObjectStore.open("memory://connectors")
    store.create("x/a.csv", b"a\n1\n")
    assert read("csv", "memory://connectors/x")["a"].to_pylist() == [1]
    assert read("csv", "memory://connectors/x/a.csv")["a"].to_pylist() == [1]
    assert read("csv", "memory://connectors/*/*.csv")["a"].to_pylist() == [1]


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("{0}/missing.csv", "there is nothing at"),
        ("{0}/none", "there is nothing at"),
        ("{0}/*.tsv", "no file matches"),
        ("{0}/other", "has no file that ends in .csv or .csv.gz or .csv.zip; it has notes.txt"),
        ("{0}/minted", "is a data set that Mintage wrote"),
        ("  ", "a location is text"),
    ],
    ids=["file", "folder", "pattern", "kind", "own", "blank"],
)
def test_a_location_without_a_table_is_refused_at_once(tmp_path: Path, location: str, message: str) -> None:
    (tmp_path / "none").mkdir()
    write(tmp_path / "other/notes.txt", "x")
    write(tmp_path / "minted/_mintage/plan.json", "{}")
    write(tmp_path / "minted/data/t/part.csv", "a\n1\n")
    with pytest.raises(SourceError, match=message) as caught:
        reader("csv", location.format(tmp_path))
    assert caught.value.hint


def test_a_location_must_be_text_and_allowed() -> None:
    with pytest.raises(SourceError, match="a location is text, not int"):
        reader("csv", 5)
    with pytest.raises(SpecError, match="http"):
        reader("csv", "http://example.org/x.csv")


def test_the_digest_changes_with_content_names_and_files(tmp_path: Path) -> None:
    def digest(files: dict[str, str], name: str) -> str:
        for path, content in files.items():
            write(tmp_path / name / path, content)
        return reader("csv", tmp_path / name).digest()

    one = digest({"a.csv": "a\n1\n", "b.csv": "a\n2\n"}, "one")
    same = digest({"b.csv": "a\n2\n", "a.csv": "a\n1\n"}, "same")
    others = [
        digest({"a.csv": "a\n1\n", "b.csv": "a\n3\n"}, "content"),
        digest({"a.csv": "a\n1\n", "c.csv": "a\n2\n"}, "name"),
        digest({"a.csv": "a\n1\n"}, "fewer"),
        digest({"a.csv": "a\n2\n", "b.csv": "a\n1\n"}, "swapped"),
    ]
    assert one == same
    assert one.startswith("sha256:")
    assert len({one, *others}) == 5


def test_an_empty_file_among_others_is_named(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", "a\n1\n")
    write(tmp_path / "b.csv", "")
    with pytest.raises(SourceError, match=r"b.csv is empty \(0 bytes\)"):
        reader("csv", tmp_path)


def test_a_file_that_is_gone_is_reported(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "a\n1\n")
    found = reader("csv", path)
    path.unlink()
    with pytest.raises(SourceError, match=r"a.csv is gone"):
        next(found.scan())


def test_a_reader_can_be_sent_to_another_process(tmp_path: Path) -> None:
    found = reader("csv", write(tmp_path / "a.csv", "a\n1\n"))
    assert found.schema
    other = pickle.loads(pickle.dumps(found))
    assert list(other.scan()) == list(found.scan())
