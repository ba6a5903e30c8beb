"""`mintage review`: verdicts are signed by their reviewers, and listed with their keys."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from mintage.cli import main

Invoke = Callable[..., Result]
ReadObject = Callable[[Result], dict[str, Any]]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home, a signed data set, and the keys of two reviewers."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "spec.yaml").write_text(
        "name: numbers\n"
        "source: {uri: rows.csv}\n"
        "generator: {kind: tabular.marginals}\n"
        "rows: 60\n"
        "sink: {uri: out}\n"
        "resources: {executor: inline}\n"
        "evaluation: {metrics: []}\n",
        encoding="utf-8",
    )
    (folder / "rows.csv").write_text("a,b\n" + "".join(f"{i},{i % 3}\n" for i in range(60)), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("MINTAGE_HOME", str(folder / "home"))
        for arguments in (["run", "spec.yaml"], ["keygen", "ann.pem"], ["keygen", "bob.pem"]):
            assert CliRunner().invoke(main, arguments).exit_code == 0
    return folder


@pytest.fixture
def numbers(invoke: Invoke, made: Path, tmp_path: Path) -> Path:
    """The data set of `made`, in the folder where `invoke` runs."""
    del invoke
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return tmp_path / "out"


def accept(*more: str) -> tuple[str, ...]:
    return ("review", "out", "--verdict", "accept", "--key", "ann.pem", *more)


@pytest.mark.usefixtures("numbers")
def test_a_verdict_is_signed_and_listed_with_its_key(invoke: Invoke, read_object: ReadObject) -> None:
    said = ("--note", "Looks right.", "--reviewer", "Ann", "--role", "domain expert")
    given = read_object(invoke(*accept(*said), "--json"))
    assert (given["verdict"], given["note"], given["version"], given["new"]) == (
        "accept",
        "Looks right.",
        "1",
        True,
    )
    trusted = ("--trusted", "home/identity.pem.pub", "--trusted", "ann.pem.pub")
    [one] = read_object(invoke("review", "out", "--list", *trusted, "--json"))["reviews"]
    assert (one["verdict"], one["trusted"], one["stands"]) == ("accept", True, True)
    assert one["key_ids"] == [given["key_id"]]
    text = invoke("review", "out", "--list", *trusted).stdout
    assert "Ann, domain expert (trusted)" in text
    assert "  note  Looks right." in text


@pytest.mark.usefixtures("numbers")
def test_a_review_by_a_stranger_is_shown_as_not_trusted(invoke: Invoke, read_object: ReadObject) -> None:
    invoke(*accept())
    [one] = read_object(invoke("review", "out", "--list", "--json"))["reviews"]
    assert (one["trusted"], one["stands"]) == (False, False)
    assert "no name given (not trusted)" in invoke("review", "out", "--list").stdout


@pytest.mark.usefixtures("numbers")
def test_without_reviews_the_list_says_so(invoke: Invoke) -> None:
    assert invoke("review", "out", "--list").stdout.endswith("no reviews\n")


def test_the_same_verdict_again_writes_nothing(invoke: Invoke, numbers: Path) -> None:
    first, again = invoke(*accept("--note", "Yes")), invoke(*accept("--note", "Yes"))
    assert (first.exit_code, again.exit_code) == (0, 0)
    assert "said before" in again.stdout
    assert len(list((numbers / "_mintage/attestations/1").iterdir())) == 1


def test_another_verdict_by_the_same_key_must_supersede_the_first(
    invoke: Invoke, read_object: ReadObject, numbers: Path
) -> None:
    reject = ("review", "out", "--verdict", "reject", "--key", "ann.pem")
    invoke(*reject)
    refused = invoke(*accept())
    assert refused.exit_code == 1
    assert "has reviewed this version before: reject at" in refused.stderr
    assert "--supersede" in refused.stderr
    given = read_object(invoke(*accept("--supersede"), "--json"))
    assert len(given["supersedes"]) == 1
    trusted = ("--trusted", "home/identity.pem.pub", "--trusted", "ann.pem.pub")
    listed = read_object(invoke("review", "out", "--list", *trusted, "--json"))["reviews"]
    assert [(one["verdict"], one["stands"]) for one in listed] == [("reject", False), ("accept", True)]
    assert "(trusted, does not stand)" in invoke("review", "out", "--list", *trusted).stdout
    assert len(list((numbers / "_mintage/attestations/1").iterdir())) == 2


def test_two_reviewers_do_not_hinder_each_other(invoke: Invoke, numbers: Path) -> None:
    assert invoke(*accept()).exit_code == 0
    assert invoke("review", "out", "--verdict", "reject", "--key", "bob.pem").exit_code == 0
    assert len(list((numbers / "_mintage/attestations/1").iterdir())) == 2
    assert invoke("verify", "out").exit_code == 0


def test_a_data_set_that_nobody_trusted_signed_is_not_reviewed(invoke: Invoke, numbers: Path) -> None:
    refused = invoke(*accept("--trusted", "bob.pem.pub"))
    assert refused.exit_code == 1
    assert "unknown key" in refused.stderr
    assert not (numbers / "_mintage/attestations").exists()


def test_a_tampered_head_is_not_reviewed(invoke: Invoke, numbers: Path) -> None:
    head = numbers / "_mintage/heads/1.json"
    head.write_text(head.read_text(encoding="utf-8").replace('"size":"1"', '"size":"2"'), encoding="utf-8")
    refused = invoke(*accept())
    assert refused.exit_code == 1
    assert "does not agree" in refused.stderr


def test_the_page_that_is_signed_must_be_of_this_version(
    invoke: Invoke, read_object: ReadObject, numbers: Path
) -> None:
    page = numbers.parent / "other.html"
    page.write_text("<p>of something else", encoding="utf-8")
    refused = invoke(*accept("--page", "other.html"))
    assert refused.exit_code == 1
    assert "was not made of version 1" in refused.stderr
    missing = invoke(*accept("--page", "nowhere.html"))
    assert "cannot be read" in missing.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--note", "x"), "goes with --verdict"),
        (("--verdict", "accept", "--key", "ann.pem", "--out", "x.html"), "--out"),
        (("--list", "--seed", "1"), "--list goes with"),
        (("--verdict", "accept"), "--key"),
        (("--verdict", "maybe", "--key", "ann.pem"), "maybe"),
        (("--list", "--verdict", "accept"), "--list"),
        (("--list", "--note", "x"), "--list goes with"),
    ],
)
@pytest.mark.usefixtures("numbers")
def test_what_does_not_go_together_is_bad_input(
    invoke: Invoke, arguments: tuple[str, ...], told: str
) -> None:
    refused = invoke("review", "out", *arguments)
    assert refused.exit_code == 2
    assert told in refused.stderr


@pytest.mark.usefixtures("numbers")
def test_a_note_cannot_move_the_cursor(invoke: Invoke) -> None:
    refused = invoke(*accept("--note", "\x1b[2Jall is well"))
    assert refused.exit_code == 1
    assert "'note'" in refused.stderr
    invoke(*accept("--note", "right\u202eto left"))
    assert "right\\u202eto left" in invoke("review", "out", "--list").stdout


@pytest.mark.usefixtures("numbers")
def test_what_was_never_attested_cannot_be_reviewed(invoke: Invoke) -> None:
    refused = invoke("review", "home", "--verdict", "accept", "--key", "ann.pem")
    assert refused.exit_code == 1
    assert "holds no attested data set" in refused.stderr


def test_the_page_is_written_once_and_bound_by_a_verdict(
    invoke: Invoke, read_object: ReadObject, tmp_path: Path, numbers: Path
) -> None:
    made = read_object(invoke("review", str(numbers), "--seed", "5", "--json"))
    assert (made["page"], made["version"], made["seed"]) == ("review.html", 1, 5)
    page = (tmp_path / "review.html").read_bytes()
    assert made["statement"].encode() in page
    refused = invoke("review", "out")
    assert refused.exit_code == 1
    assert "review.html exists, and nothing is overwritten" in refused.stderr
    given = read_object(invoke(*accept("--page", "review.html"), "--json"))
    assert given["page"] == f"sha256:{hashlib.sha256(page).hexdigest()}"


def test_the_page_says_how_to_give_a_verdict(invoke: Invoke, numbers: Path) -> None:
    told = invoke("review", str(numbers), "--out", "other page.html").stdout
    assert "mintage review " in told
    assert "--page 'other page.html' --key KEY" in told


def test_the_same_seed_shows_the_same_rows(invoke: Invoke, tmp_path: Path, numbers: Path) -> None:
    pages = []
    for name, seed in (("a.html", "5"), ("b.html", "5"), ("c.html", "6")):
        assert invoke("review", str(numbers), "--out", name, "--seed", seed).exit_code == 0
        pages.append((tmp_path / name).read_bytes())
    assert pages[0] == pages[1]


@pytest.mark.parametrize("changed", ["part", "record", "statement", "head"])
def test_no_page_shows_what_was_not_signed(
    invoke: Invoke, numbers: Path, tmp_path: Path, changed: str
) -> None:
    patterns = {
        "part": "data/*/*",
        "record": "_mintage/versions/1/records/*",
        "statement": "_mintage/versions/1/statements.jsonl",
    }
    if changed == "head":
        shutil.rmtree(numbers / "_mintage/heads")
    else:
        [file] = numbers.glob(patterns[changed])
        data = bytearray(file.read_bytes())
        data[100] ^= 1
        file.write_bytes(data)
    refused = invoke("review", str(numbers))
    assert refused.exit_code == 1
    assert not (tmp_path / "review.html").exists()


def test_a_page_cannot_be_written_where_there_is_no_folder(invoke: Invoke, numbers: Path) -> None:
    refused = invoke("review", str(numbers), "--out", "no/where.html")
    assert refused.exit_code == 1
    assert "cannot be written" in refused.stderr
