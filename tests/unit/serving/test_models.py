"""Data sets that are not served: unsigned, by others, changed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mintage.errors import MintageError, ProvenanceError, SignatureError, SpecError
from mintage.provenance.signing import generate_key
from mintage.serving.app import application, build
from mintage.serving.models import Pin, load_served, pin_model
from mintage.spec import ServedModelSpec
from tests.unit.serving.sites import DataSet, make_people


@pytest.fixture
def copy(people: DataSet, tmp_path: Path) -> DataSet:
    """A copy of the data set, to be changed."""
    shutil.copytree(people.uri, tmp_path / "copy")
    return DataSet(str(tmp_path / "copy"), people.key)


def pin(dataset: DataSet, **more: object) -> Pin:
    return pin_model("people", ServedModelSpec.model_validate(dataset.spec(**more)))


def append_byte(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b" ")


def change_a_model_file(folder: Path) -> None:
    append_byte(next(path for path in folder.glob("_mintage/model/*/*")))


def change_the_plan(folder: Path) -> None:
    append_byte(folder / "_mintage/plan.json")


def change_the_statement(folder: Path) -> None:
    [path] = folder.glob("_mintage/versions/*/statements.jsonl")
    path.write_bytes(path.read_bytes().replace(b"a", b"b", 1))


def take_the_heads_away(folder: Path) -> None:
    shutil.rmtree(folder / "_mintage/heads")


@pytest.mark.parametrize(
    "change", [change_a_model_file, change_the_plan, change_the_statement, take_the_heads_away]
)
def test_data_set_that_is_not_what_was_signed_is_refused_before_anything_starts(
    copy: DataSet, change: Callable[[Path], None]
) -> None:
    assert pin(copy).version == 1
    change(Path(copy.uri))
    with pytest.raises(ProvenanceError, match=r"models\.people: "):
        application({"models": {"people": copy.spec()}})


def test_data_set_that_somebody_else_signed_is_refused(people: DataSet, tmp_path: Path) -> None:
    stranger = generate_key(tmp_path / "stranger.pem").public_path
    with pytest.raises(SignatureError, match="is not served"):
        pin(DataSet(people.uri, stranger))


def test_policy_decides_as_for_verifying(people: DataSet, tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    text = f"format: mintage-policy/1\nkeys: {{it: {{file: {people.key}}}}}\n"
    text += "roles: {builder: {keys: [it]}}\n"
    policy.write_text(text)
    asked = {"trust": [], "policy": str(policy)}
    assert pin(people, **asked).version == 1
    policy.write_text(f"{text}min_version: 2\n")
    with pytest.raises(ProvenanceError, match="is not served"):
        pin(people, **asked)


def test_key_may_be_given_as_text(people: DataSet, tmp_path: Path) -> None:
    assert pin(people, trust=[people.key.read_text()]).version == 1
    stranger = generate_key(tmp_path / "stranger.pem")
    with pytest.raises(SignatureError, match="is not served"):
        pin(people, trust=[stranger.public_path.read_text()])
    with pytest.raises(SpecError, match="holds a private key"):
        pin(people, trust=[stranger.private_path.read_text()])
    with pytest.raises(MintageError):
        pin(people, trust=["-----BEGIN PUBLIC KEY-----\nnone\n-----END PUBLIC KEY-----"])


def test_folder_without_a_data_set_is_refused(people: DataSet, tmp_path: Path) -> None:
    with pytest.raises(ProvenanceError, match="there is no head"):
        pin(DataSet(str(tmp_path), people.key))


def test_version_that_there_is_not_is_refused(people: DataSet) -> None:
    with pytest.raises(ProvenanceError, match="there is no version 7"):
        pin(people, version=7)


def test_replica_that_starts_later_serves_the_version_that_was_pinned(
    people: DataSet, tmp_path: Path
) -> None:
    mine = make_people(tmp_path, tmp_path / "mine")
    spec = ServedModelSpec.model_validate(mine.spec())
    before = pin_model("people", spec)
    make_people(tmp_path, tmp_path / "mine", seed=1, sink={"uri": mine.uri, "mode": "supersede"})
    assert (before.version, pin_model("people", spec).version) == (1, 2)
    assert load_served("people", spec, before).pin == before
    other = Pin(version=1, statement=f"sha256:{'0' * 64}")
    with pytest.raises(ProvenanceError, match="is the statement"):
        load_served("people", spec, other)


def test_serve_configuration_has_to_say_who_may_ask(people: DataSet) -> None:
    with pytest.raises(SpecError, match="authentication: is missing"):
        build({"models": {"people": people.spec()}})


@pytest.mark.parametrize("key", ["host", "port", "address", "tls"])
def test_serve_configuration_says_nothing_of_the_server(people: DataSet, key: str) -> None:
    value = {"host": "127.0.0.1", "port": 8000, "address": "auto", "tls": {"certificate": "c", "key": "k"}}[
        key
    ]
    with pytest.raises(SpecError, match=f"{key}: is for Serve to decide"):
        build({"models": {"people": people.spec()}, "authentication": {"open": True}, key: value})


@pytest.mark.filterwarnings("ignore:Using extra keyword arguments on `Field`:DeprecationWarning")  # Ray's
def test_serve_configuration_becomes_an_application(people: DataSet) -> None:
    from ray.serve import Application

    built = build(
        {
            "models": {"people": people.spec()},
            "authentication": {"open": True},
            "autoscaling": {"min": 0, "max": 4},
            "gpus": 0.25,
        }
    )
    assert isinstance(built, Application)


def test_every_error_names_the_model(tmp_path: Path) -> None:
    with pytest.raises(MintageError, match=r"models\.mine: "):
        application({"models": {"mine": {"uri": str(tmp_path)}}})
