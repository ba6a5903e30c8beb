"""YAML and JSON: what words mean, and what is refused with its place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from mintage.errors import SpecError
from mintage.spec import JobSpec, read_spec

TEXT = """\
# a comment
name: flights
seed: 7
source: {uri: flights.parquet}
generator:
  kind: tabular.autoregressive
  max_seconds: 60
rows: 1000000
validate:
  - kind: range
    column: air_time
    min: 0
sink:
  uri: ./flights-synthetic
  shard_rows: 100000
resources: {workers: 2}
"""

WORDS: dict[str, object] = {
    "12": 12, "-3": -3, "+3": 3, "0": 0, "1.5": 1.5, "1.": 1.0, "-.5e-3": -0.0005, "1e3": 1000.0,
    "true": True, "False": False, "null": None, "~": None, "": None,
    "no": "no", "NO": "NO", "yes": "yes", "on": "on", "off": "off", "y": "y", "NaN": "NaN",
    "012": "012", "00": "00", "01.5": "01.5", "0o17": "0o17", "0x1f": "0x1f", "0b1": "0b1", "1_000": "1_000",
    "12:30": "12:30", "1:2:3": "1:2:3", "1.2.3": "1.2.3", "--1": "--1", "5 6": "5 6", "=": "=",
    "2024-01-31": "2024-01-31", "2024-01-31T10:00:00Z": "2024-01-31T10:00:00Z",
    "'12'": "12", '"true"': "true",
}  # fmt: skip


def with_word(word: str) -> str:
    return TEXT.replace("max_seconds: 60", f"word: {word}")


@pytest.mark.parametrize(("word", "meaning"), WORDS.items(), ids=[repr(word) for word in WORDS])
def test_word_means_what_it_looks_like(word: str, meaning: object) -> None:
    generator = read_spec(with_word(word)).generator

    assert generator is not None
    read = generator.config["word"]
    assert (type(read), read) == (type(meaning), meaning)


@pytest.mark.parametrize("word", [".nan", ".inf", "-.INF"])
def test_number_that_is_not_finite_is_refused(word: str) -> None:
    with pytest.raises(SpecError, match=r"generator\.word: must be a finite number"):
        read_spec(with_word(word))


def test_mapping_keys_follow_the_same_rules() -> None:
    text = TEXT.replace(
        "resources: {workers: 2}", "balance: {column: x, shares: {NO: 0.2, 7: 0.3, true: 0.5}}"
    )
    balance = read_spec(text).balance

    assert balance is not None
    assert [share.value for share in balance.shares] == ["NO", 7, True]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a: &x 1\n", "line 1, column 4: the anchor &x is not supported", id="anchor"),
        pytest.param("a: 1\nb: *x\n", "line 2, column 4: the alias *x is not supported", id="alias"),
        pytest.param(
            "a: 1\nb:\n  - !!python/name:os.system x\n", "line 3, column 5: the tag ", id="python-tag"
        ),
        pytest.param("a: !!str 1\n", "line 1, column 4: the tag ", id="standard-tag"),
        pytest.param("a: ! 1\n", "line 1, column 4: the tag ", id="empty-tag"),
        pytest.param("a: 1\nb: 2\na: 3\n", "line 3, column 1: the key 'a' is there twice", id="twice"),
        pytest.param(
            "a:\n  b: 1\n  b: 1\n", "line 3, column 3: the key 'b' is there twice", id="nested-twice"
        ),
        pytest.param(
            "x: {1: a, true: b}\n", "line 1, column 11: the key True is there twice", id="equal-keys"
        ),
        pytest.param("a: 1\n<<: {b: 2}\n", "line 2, column 1: merge keys", id="merge"),
        pytest.param("? [1, 2]\n: 3\n", "line 1, column 3: a key is a list or a mapping", id="list-as-key"),
        pytest.param("a: 1\n---\nb: 2\n", "line 2, column 1: a second document starts", id="two-documents"),
        pytest.param("a: [1\nb: 2\n", "line 2, column ", id="unclosed-list"),
        pytest.param("a: 1\n\tb: 2\n", "line 2, column ", id="tab"),
        pytest.param("a: 'x\n", "is not valid YAML", id="unclosed-quote"),
        pytest.param("a: b: c\n", "line 1, column 5: is not valid YAML", id="two-colons"),
        pytest.param("a: 1\nb: \x00\n", "line 2, column 4: is not valid YAML", id="nul"),
        pytest.param("a: " + "[" * 40 + "\n", "is nested deeper than 32 levels", id="deep-flow"),
        pytest.param(
            "\n".join(" " * n + "a:" for n in range(40)), "line 32, column 32: is nested", id="deep-block"
        ),
        pytest.param("- 1\n- 2\n", "the spec must be a mapping of keys, got a list of 2 entries", id="list"),
        pytest.param("\n# nothing\n", "the spec is empty", id="empty"),
        pytest.param("a: " + "x" * 2**20 + "\n", "bytes, at most 1048576 are read", id="large"),
        pytest.param('{"a": 1, "a": 2}', "the key 'a' is there twice", id="json-twice"),
        pytest.param('{"a": NaN}', "NaN is no JSON number", id="json-nan"),
        pytest.param('{"a": -Infinity}', "-Infinity is no JSON number", id="json-infinity"),
        pytest.param('{"a": 1,}', "line 1, column ", id="json-comma"),
        pytest.param('{"a": 1} 2', "line 1, column 10: is not valid JSON", id="json-trailing"),
        pytest.param('{"a": ' + "[" * 40 + "]" * 40 + "}", "is nested deeper than 32 levels", id="json-deep"),
        pytest.param('{"a": ' + "[" * 200_000, "is nested deeper than 32 levels", id="json-very-deep"),
        pytest.param('{"a": ' + "1" * 5000 + "}", "a number has 5000 digits", id="json-digits"),
        pytest.param('{"a": "' + "x" * 2**20 + '"}', "bytes, at most 1048576 are read", id="json-large"),
    ],
)
def test_text_is_refused_with_its_place(text: str, expected: str) -> None:
    with pytest.raises(SpecError) as caught:
        read_spec(text)

    assert expected in caught.value.message
    assert caught.value.hint


def test_error_in_yaml_does_not_repeat_the_line() -> None:
    with pytest.raises(SpecError) as caught:
        read_spec("a: 1\nsecret: [hunter2\n")
    assert "hunter2" not in str(caught.value)


def test_file_is_read_like_its_text(tmp_path: Path) -> None:
    file = tmp_path / "flights.yaml"
    file.write_text(TEXT, encoding="utf-8")

    assert read_spec(file) == read_spec(str(file)) == read_spec(TEXT)


def test_byte_order_mark_is_no_part_of_a_spec(tmp_path: Path) -> None:
    file = tmp_path / "flights.yaml"
    file.write_text(TEXT, encoding="utf-8-sig")

    assert read_spec(file).name == "flights"


def test_json_file_is_read_strictly(tmp_path: Path) -> None:
    file = tmp_path / "flights.json"
    file.write_text(json.dumps(read_spec(TEXT).to_json()), encoding="utf-8")
    assert read_spec(file) == read_spec(TEXT)

    file.write_text(TEXT, encoding="utf-8")
    with pytest.raises(SpecError, match="is not valid JSON"):
        read_spec(file)


def test_problem_in_a_file_names_the_file(tmp_path: Path) -> None:
    file = tmp_path / "flights.yaml"
    file.write_text("a: 1\na: 2\n", encoding="utf-8")

    with pytest.raises(SpecError) as caught:
        read_spec(file)
    assert caught.value.message.startswith(f"{file}: line 2, column 1: ")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(None, "there is no such spec file", id="missing"),
        pytest.param(b"name: \xff\n", "is not UTF-8 text: byte 6 is 0xff", id="latin"),
        pytest.param(b"#" * (2**20 + 1), "has more than 1048576 bytes", id="large"),
        pytest.param(b"", "the spec is empty", id="empty"),
    ],
)
def test_file_that_is_no_spec_is_refused(tmp_path: Path, data: bytes | None, expected: str) -> None:
    file = tmp_path / "spec.yaml"
    if data is not None:
        file.write_bytes(data)

    with pytest.raises(SpecError) as caught:
        read_spec(file)
    assert expected in caught.value.message


def test_folder_is_no_spec(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="cannot be read"):
        read_spec(tmp_path)


@pytest.mark.parametrize("word", ["no", "Yes", "ON", "<<", "=", "012", "1e3", "12:30", "null", "2024-01-31"])
def test_written_yaml_means_the_same_to_readers_of_older_yaml(word: str) -> None:
    spec = read_spec(TEXT).with_overrides([f"generator.word='{word}'"])

    assert yaml.safe_load(spec.to_yaml())["generator"]["word"] == word
    assert read_spec(spec.to_yaml()) == spec


def test_spec_is_read_as_itself() -> None:
    spec = read_spec(TEXT)

    assert read_spec(spec) == spec
    assert isinstance(read_spec(spec), JobSpec)
