"""CSV that cannot be read: each message names the file, the place, and what to do."""

from __future__ import annotations

import gzip
import io
import re
import zipfile
from pathlib import Path

import pytest

from mintage.errors import SourceError, SpecError
from tests.unit.connectors.tables import read, reader, write


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param("", r"is empty \(0 bytes\)", id="empty"),
        pytest.param("\n\n", "has no header", id="blank"),
        pytest.param("\ufeff", "holds no text", id="nothing but a byte order mark"),
        pytest.param("a,b\n1,x\0y\n", "a NUL byte in line 2", id="NUL bytes"),
        pytest.param(
            "a,b\n1,2\n3,4,5\n", "line 3: 3 values where 2 are expected: '3,4,5'", id="a row too long"
        ),
        pytest.param("a,b\n1,2\n\n3\n", "line 4: 1 values where 2 are expected: '3'", id="a row too short"),
        pytest.param(
            'a,b\n"x\ny",2\n3\n', "line 4: 1 values", id="a row too short after a line break in quotes"
        ),
        pytest.param("a,b,a\n1,2,3\n", "several columns called 'a'", id="a name twice"),
        pytest.param("a,,c\n1,2,3\n", "column 2 of .* has no name", id="a name missing"),
        pytest.param(b"a,b\n1,Gr\xfc\xdfe\n", "byte 0xfc at offset 8, line 2", id="another encoding"),
        pytest.param(
            "a\n\u00fc\n".encode() + b"\xfc\n", "byte 0xfc at offset 5, line 3", id="mixed encodings"
        ),
        pytest.param("a,b\n1,\u00fc\n".encode("utf-16"), "set the option encoding .utf-16", id="UTF-16"),
        pytest.param(b"a,b\n1,\xe2\x98", "at offset 6, line 2", id="a character cut off"),
        pytest.param("a,b\n1," + "x" * 2000 + "\n", "a line of more than 1,024 bytes", id="a line too long"),
        pytest.param("x" * 5000, "a line of more than 1,024 bytes", id="nothing but a line too long"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, content: str | bytes, message: str) -> None:
    path = write(tmp_path / "t.csv", content)
    with pytest.raises(SourceError, match=message) as caught:
        read("csv", path, max_line_bytes=1024)
    assert str(path) in caught.value.message
    assert caught.value.hint


def test_a_quote_that_is_never_closed_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", 'a,b\n1,"2\n' + "1,2\n" * 1_000_000)
    with pytest.raises(SourceError, match="a quote that is never closed"):
        read("csv", path, max_line_bytes=1024)


def test_a_wrong_byte_far_into_the_file_is_found_at_its_offset(tmp_path: Path) -> None:
    before = b"a,b\n" + b"1,\xc3\xbc\n" * 400_000
    path = write(tmp_path / "t.csv", before + b"1,\xfc\n")
    with pytest.raises(SourceError, match=f"offset {len(before) + 2:,}, line 400,002"):
        read("csv", path)


def test_a_value_that_is_not_of_the_given_type_is_named_with_its_line(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", 'a,b\n1,"x\ny"\n\nNA,z\ntwo,z\n')
    with pytest.raises(SourceError, match=r"line 6: 'two' in the column 'a' is no int64"):
        read("csv", path, column_types={"a": "int64"})


def test_a_type_for_an_unknown_column_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="column_types names 'b'"):
        read("csv", write(tmp_path / "t.csv", "a\n1\n"), column_types={"b": "int64"})


@pytest.mark.parametrize(
    ("one", "other", "message"),
    [
        ("a,b\n1,2\n", "a,b\n1,x\n", "the column 'b' is string in .*2.csv, int64 in the files before it"),
        ("a,b\n1,2\n", "a\n1\n", r"2.csv has other columns than .*1.csv: lacks \['b'\]"),
        ("a\n1\n", "a,c\n1,2\n", r"adds \['c'\]"),
        ("a\n9007199254740993\n", "a\n1.5\n", "the column 'a' is double"),
    ],
    ids=["type", "column missing", "column added", "digits would be lost"],
)
def test_files_that_do_not_go_together_are_refused(
    tmp_path: Path, one: str, other: str, message: str
) -> None:
    write(tmp_path / "1.csv", one)
    write(tmp_path / "2.csv", other)
    with pytest.raises(SourceError, match=message) as caught:
        read("csv", tmp_path)
    assert caught.value.hint


def test_given_types_settle_what_files_disagree_about(tmp_path: Path) -> None:
    write(tmp_path / "1.csv", "a\n1\n")
    write(tmp_path / "2.csv", "a\nx\n")
    assert read("csv", tmp_path, column_types={"a": "string"})["a"].to_pylist() == ["1", "x"]


def test_a_truncated_gzip_file_is_refused(tmp_path: Path) -> None:
    whole = gzip.compress(b"a,b\n" + b"1,2\n" * 100_000)
    with pytest.raises(SourceError, match=r"t.csv.gz cannot be read: Compressed file ended"):
        read("csv", write(tmp_path / "t.csv.gz", whole[: len(whole) // 2]))


def test_a_corrupt_gzip_file_is_refused(tmp_path: Path) -> None:
    data = bytearray(gzip.compress(b"a,b\n" + b"1,2\n" * 100_000))
    data[20:40] = b"\xff" * 20
    with pytest.raises(SourceError, match=r"t.csv.gz cannot be read"):
        read("csv", write(tmp_path / "t.csv.gz", bytes(data)))


def _zip(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def test_an_archive_must_hold_one_file(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"holds 2 files: a.csv, b.csv"):
        read("csv", write(tmp_path / "t.csv.zip", _zip({"a.csv": b"a\n1\n", "b.csv": b"a\n1\n"})))
    path = write(tmp_path / "mac.csv.zip", _zip({"a.csv": b"a\n1\n", "__MACOSX/._a.csv": b"\0"}))
    assert read("csv", path)["a"].to_pylist() == [1]


@pytest.mark.parametrize("name", ["bomb.csv.zip", "bomb.csv.gz"])
def test_a_compressed_file_may_not_hold_more_than_the_cap(tmp_path: Path, name: str) -> None:
    content = b"a,b\n" + b"1,2\n" * 1_000_000
    data = _zip({"a.csv": content}) if name.endswith("zip") else gzip.compress(content)
    with pytest.raises(SourceError, match=r"max_uncompressed_bytes|1,000,000"):
        read("csv", write(tmp_path / name, data), max_uncompressed_bytes=1_000_000)


def test_an_archive_that_lies_about_its_size_is_refused(tmp_path: Path) -> None:
    data = bytearray(_zip({"a.csv": b"a,b\n" + b"1,2\n" * 1000}))
    directory = data.rfind(b"PK\x01\x02")
    data[directory + 24 : directory + 28] = (10).to_bytes(4, "little")
    with pytest.raises(SourceError):
        read("csv", write(tmp_path / "t.csv.zip", bytes(data)))


def test_an_encrypted_archive_is_refused(tmp_path: Path) -> None:
    data = bytearray(_zip({"a.csv": b"a\n1\n"}))
    directory = data.rfind(b"PK\x01\x02")
    data[6] |= 1
    data[directory + 8] |= 1
    with pytest.raises(SourceError, match=r"a.csv in .* is encrypted"):
        read("csv", write(tmp_path / "t.csv.zip", bytes(data)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"encoding": "utf-99"}, "utf-99"),
        ({"encoding": "hex"}, "hex"),
        ({"column_types": {"a": "number"}}, "number"),
        ({"column_types": {"a": "list<int64>"}}, "flat type"),
    ],
    ids=["encoding", "no text encoding", "type", "nested type"],
)
def test_options_that_mean_nothing_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(SpecError, match=re.escape(message)):
        reader("csv", "x.csv", **options)
