"""Digests of tokens that are not as they must be."""

from __future__ import annotations

from pathlib import Path

import pytest

from mintage.errors import AccessError
from mintage.serving.tokens import Tokens
from mintage.settings import Settings
from mintage.spec.serving import AuthenticationSpec


def read(path: Path) -> Tokens | None:
    return Tokens.of(AuthenticationSpec(file=str(path)), Settings.read())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "holds no digest"),
        (b"# nobody\n", "holds no digest"),
        (b"sha256:12\n", "line 1"),
        (b"\n\nmy-secret-token\n", "line 3"),
        (b"\xff", "not ASCII"),
        (b"#" * (2**20 + 1), "more than"),
    ],
)
def test_wrong_files_are_refused_and_what_is_in_them_is_not_shown(
    tmp_path: Path, text: bytes, words: str
) -> None:
    path = tmp_path / "tokens"
    path.write_bytes(text)
    with pytest.raises(AccessError, match=words) as caught:
        read(path)
    assert "my-secret-token" not in str(caught.value)


def test_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(AccessError, match="cannot be read: No such file"):
        read(tmp_path / "none")


def test_missing_environment_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MINTAGE_SERVE_TOKENS", raising=False)
    with pytest.raises(AccessError, match="MINTAGE_SERVE_TOKENS is not set"):
        Tokens.of(AuthenticationSpec(environment=True), Settings.read())


@pytest.mark.parametrize("spec", [None, AuthenticationSpec(open=True)])
def test_nobody_is_asked_when_it_is_open(spec: AuthenticationSpec | None) -> None:
    assert Tokens.of(spec, Settings.read()) is None


def test_tokens_and_digests_are_in_no_repr(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    path.write_text(f"sha256:{'a' * 64}\n")
    tokens = read(path)
    assert tokens is not None
    assert "aaaa" not in repr(tokens)
    assert "\\xaa" not in repr(tokens)
