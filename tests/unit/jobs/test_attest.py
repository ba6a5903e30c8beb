"""Declaring a source to be real: where it is written, what it says, what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

import mintage
from mintage.errors import ObjectExistsError, SourceError, SpecError
from mintage.jobs.source_attestations import find_declaration
from mintage.jobs.sources import open_reader
from mintage.provenance.signing import PublicKey, Signer, generate_key, unverified_payload
from mintage.provenance.source_statement import Believed, Doubted, RealSource
from mintage.settings import Settings

ROWS = pl.DataFrame({"age": [30, 40, 50], "sex": ["F", None, "M"]})


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A table in a file."""
    ROWS.write_csv(tmp_path / "people.csv")
    return tmp_path / "people.csv"


def keys(folder: Path) -> list[PublicKey]:
    return [PublicKey.load(generate_key(folder / "other").public_path)]


def own() -> list[PublicKey]:
    return [PublicKey.load(f"{Settings.read().identity}.pub")]


def test_an_attestation_lies_beside_the_file_and_says_what_was_declared(source: Path) -> None:
    done = mintage.attest(str(source), owner="Bank", license="CC-BY-4.0", note="from the register")
    assert done.uri == f"{source}.attestation.jsonl"
    [line] = Path(done.uri).read_bytes().splitlines()
    declared = RealSource.from_payload(unverified_payload(line))
    assert (declared.name, declared.rows, declared.generation) == ("people.csv", 3, "0")
    assert [(column.name, column.type) for column in declared.columns] == [
        ("age", "int64"),
        ("sex", "string"),
    ]
    assert (declared.owner, declared.license, declared.note) == ("Bank", "CC-BY-4.0", "from the register")
    assert declared.digest == open_reader(str(source)).digest()


def test_the_statement_is_one_that_others_can_read(source: Path) -> None:
    mintage.attest(source)
    [line] = Path(f"{source}.attestation.jsonl").read_bytes().splitlines()
    statement = json.loads(unverified_payload(line))
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "https://mintage.dev/attestation/real-source/v1"
    assert statement["predicate"]["generation"] == "0"
    assert statement["predicate"]["rows"] == "3"
    assert "owner" not in statement["predicate"]


def test_an_attestation_is_believed_by_the_key_that_signed_it(source: Path, tmp_path: Path) -> None:
    done = mintage.attest(source)
    digest = open_reader(str(source)).digest()
    found = find_declaration(str(source), None, digest, own())
    assert isinstance(found, Believed)
    assert found.statement == done.statement
    doubted = find_declaration(str(source), None, digest, keys(tmp_path))
    assert isinstance(doubted, Doubted)
    assert "unknown key" in str(doubted)


def test_an_attestation_holds_for_a_copy_under_another_name(source: Path, tmp_path: Path) -> None:
    done = mintage.attest(source)
    copy = source.rename(tmp_path / "customers.csv")
    found = find_declaration(str(copy), done.uri, open_reader(str(copy)).digest(), own())
    assert isinstance(found, Believed)


def test_an_attestation_of_other_bytes_is_not_believed(source: Path) -> None:
    mintage.attest(source)
    source.write_text(source.read_text() + "60,F\n")
    doubted = find_declaration(str(source), None, open_reader(str(source)).digest(), own())
    assert isinstance(doubted, Doubted)
    assert "other bytes" in str(doubted)


def test_an_altered_attestation_is_not_believed(source: Path) -> None:
    file = Path(mintage.attest(source).uri)
    file.write_bytes(file.read_bytes().replace(b'"payload":"ey', b'"payload":"eX'))
    doubted = find_declaration(str(source), None, open_reader(str(source)).digest(), own())
    assert isinstance(doubted, Doubted)
    assert "altered" in str(doubted)


def test_one_of_several_envelopes_is_enough(source: Path, tmp_path: Path) -> None:
    done = mintage.attest(source)
    other = mintage.attest(source, key=generate_key(tmp_path / "k").private_path, out=tmp_path / "o.jsonl")
    both = Path(other.uri).read_bytes() + b"nonsense\n" + Path(done.uri).read_bytes()
    (tmp_path / "both.jsonl").write_bytes(both)
    digest = open_reader(str(source)).digest()
    found = find_declaration(str(source), str(tmp_path / "both.jsonl"), digest, own())
    assert isinstance(found, Believed)
    assert found.statement == done.statement


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_a_folder_is_attested_inside_and_read_as_before(tmp_path: Path, suffix: str) -> None:
    folder = tmp_path / "parts"
    folder.mkdir()
    for number in range(2):
        if suffix == "csv":
            ROWS.write_csv(folder / f"{number}.csv")
        else:
            ROWS.write_ndjson(folder / f"{number}.jsonl")
    before = open_reader(str(folder), kind=suffix).digest()
    done = mintage.attest(folder, kind=suffix)
    mintage.attest(folder / f"0.{suffix}")
    assert done.uri == f"{folder}/_source.attestation.jsonl"
    assert done.source.rows == 6
    assert open_reader(str(folder), kind=suffix).digest() == before
    assert open_reader(f"{folder}/*.{suffix}", kind=suffix).digest() == before
    found = find_declaration(f"{folder}/*.{suffix}", None, before, own())
    assert isinstance(found, Believed)


def test_an_attestation_is_never_overwritten(source: Path) -> None:
    before = Path(mintage.attest(source).uri).read_bytes()
    with pytest.raises(ObjectExistsError, match="never overwritten"):
        mintage.attest(source, note="again")
    assert Path(f"{source}.attestation.jsonl").read_bytes() == before


def test_a_table_in_memory_is_attested_to_a_file(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="in memory lies nowhere"):
        mintage.attest(ROWS)
    done = mintage.attest(ROWS, out=tmp_path / "frame.jsonl", name="people")
    assert done.source.rows == 3


def test_a_table_without_rows_is_not_attested(tmp_path: Path) -> None:
    ROWS.head(0).write_parquet(tmp_path / "none.parquet")
    with pytest.raises(SourceError, match="has no rows"):
        mintage.attest(tmp_path / "none.parquet")
    assert not (tmp_path / "none.parquet.attestation.jsonl").exists()


def test_a_key_of_ones_own_signs(source: Path, tmp_path: Path) -> None:
    key = generate_key(tmp_path / "owner")
    done = mintage.attest(source, key=key.private_path)
    assert done.keyid == Signer.load(key.private_path).keyid


def test_an_attestation_that_is_named_but_missing_is_refused(source: Path, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="there is no"):
        find_declaration(str(source), str(tmp_path / "gone.jsonl"), "sha256:" + "0" * 64, [])


def test_nothing_is_said_of_a_source_without_an_attestation(source: Path) -> None:
    assert find_declaration(str(source), None, "sha256:" + "0" * 64, []) is None
