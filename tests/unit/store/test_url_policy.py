from __future__ import annotations

import unicodedata
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mintage.errors import SpecError, StoreError
from mintage.store import DEFAULT_POLICY, ObjectStore, UrlPolicy, check_path, check_uri, expand_uri


def test_a_relative_path_becomes_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    assert check_uri("out") == str(tmp_path / "here" / "out")
    assert check_uri("./out/") == str(tmp_path / "here" / "out")
    assert check_uri("../out") == str(tmp_path / "out")


def test_the_home_folder_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))

    assert check_uri("~/out") == str(tmp_path / "out")
    with pytest.raises(SpecError, match="home folder"):
        check_uri("~nobody-of-this-name/out")


@pytest.mark.parametrize(
    ("uri", "normal"),
    [
        ("/data/out", "/data/out"),
        ("/data/100%25", "/data/100%25"),
        ("file:///data/out/", "/data/out"),
        ("file:///data/two%20words", "/data/two words"),
        ("file://localhost/data", "/data"),
        ("FILE:///data", "/data"),
        ("memory://", "memory://"),
        ("memory:///name/x/", "memory://name/x"),
        ("s3://bucket", "s3://bucket"),
        ("s3://bucket/", "s3://bucket"),
        ("S3://bucket/a/b//", "s3://bucket/a/b"),
        ("gs://bucket/a", "gs://bucket/a"),
        (
            "abfs://container@account.dfs.core.windows.net/a",
            "abfs://container@account.dfs.core.windows.net/a",
        ),
    ],
)
def test_a_location_has_one_normal_form(uri: str, normal: str) -> None:
    assert check_uri(uri) == normal
    assert check_uri(normal) == normal
    assert ObjectStore.open(uri).uri == normal


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("", "empty"),
        ("http://example.org/x", "http:// are not allowed"),
        ("https://example.org/x", "https:// are not allowed"),
        ("ftp://example.org/x", "ftp:// are not allowed"),
        ("s3a://bucket/x", "s3a:// are not allowed"),
        ("simplecache::s3://bucket/x", "chained"),
        ("zip://a.csv::file:///a.zip", "chained"),
        ("s3://bucket/a\x00b", "control"),
        ("/data/a\nb", "control"),
        ("file:///a%00b", "control"),
        ("file://host/share", "another host"),
        ("file://", "no absolute path"),
        ("file:/data", "two slashes"),
        ("s3:bucket/x", "two slashes"),
        ("s3://", "names no bucket"),
        ("s3:///x", "names no bucket"),
        ("s3://bucket/a/../../other", "'..'"),
        ("s3://bucket/a//b", "step"),
        ("s3://bucket/a?versionId=1", "query"),
        ("s3://bucket/a#b", "fragment"),
        ("abfs://user:word@host/x", "user information"),
    ],
)
def test_what_the_policy_forbids_is_refused(uri: str, reason: str) -> None:
    with pytest.raises(SpecError, match=reason):
        check_uri(uri)


def test_a_refusal_names_what_is_allowed() -> None:
    with pytest.raises(SpecError) as caught:
        check_uri("http://example.org/x")
    assert caught.value.hint == "allowed kinds: file, memory, s3, gs, az, abfs"


@pytest.mark.parametrize(
    "uri",
    [
        "s3://AKIAEXAMPLE:wordofmouth@bucket/x",
        "http://user:wordofmouth@host/x",
        "s3://bucket/x?X-Amz-Signature=wordofmouth",
        "file://user:wordofmouth@host/x",
        "a::s3://user:wordofmouth@bucket",
    ],
)
def test_a_refusal_repeats_no_secret(uri: str) -> None:
    with pytest.raises(SpecError) as caught:
        check_uri(uri)
    assert "wordofmouth" not in str(caught.value)


def test_a_policy_can_allow_more_or_less() -> None:
    assert check_uri("http://example.org/x", UrlPolicy(schemes=("http",))) == "http://example.org/x"
    with pytest.raises(SpecError, match="file:// are not allowed"):
        check_uri("/data", UrlPolicy(schemes=("s3",)))
    with pytest.raises(SpecError, match="memory:// are not allowed"):
        ObjectStore.open("memory://x", policy=UrlPolicy(schemes=("s3",)))
    assert "http" not in DEFAULT_POLICY.schemes


def test_expanding_judges_nothing() -> None:
    assert expand_uri("HTTP://example.org/x/") == "http://example.org/x"


@pytest.mark.parametrize(
    "path",
    [
        "", "/", "/etc/passwd", ".", "..", "a/..", "a/../b", "../a", "a/./b", "a//b", "a/", "a\\b", "a\x00b",
        "a\tb", "a\x7fb", "a\x85b", "cafe\u0301", "\ud800", "a" * 1025, "é" * 513,
    ],
)  # fmt: skip
def test_a_path_that_could_lead_elsewhere_is_refused(path: str) -> None:
    with pytest.raises(StoreError, match="cannot name an object"):
        check_path(path)


STEPS = st.one_of(st.sampled_from(["..", ".", "", "a", "\\", "é", "e\u0301", "\x00"]), st.text(max_size=8))


@given(st.lists(STEPS, max_size=6).map("/".join))
def test_an_accepted_path_stays_inside_and_means_one_object(path: str) -> None:
    try:
        accepted = check_path(path)
    except StoreError:
        return
    root = PurePosixPath("/root")
    joined = Path(str(root / accepted)).resolve()  # nothing of it exists: only the steps count
    assert accepted == path
    assert joined.is_relative_to(root)
    assert joined != Path(root)
    assert str(joined) == f"/root/{path}"
    assert unicodedata.normalize("NFC", path) == path
    assert path.encode().decode() == path


@given(st.lists(st.text("abcé日-_.=0", min_size=1, max_size=8), min_size=1, max_size=5))
def test_a_plain_path_is_accepted(steps: list[str]) -> None:
    path = "/".join(step if step.strip(".") else "dots" for step in steps)
    assert check_path(path) == path


@given(st.text(max_size=40))
def test_a_location_is_normalised_once_or_refused(uri: str) -> None:
    try:
        normal = check_uri(uri)
    except SpecError:
        return
    assert check_uri(normal) == normal
