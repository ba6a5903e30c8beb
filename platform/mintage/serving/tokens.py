"""Bearer tokens, of which only SHA-256 digests are kept: in a file, or in the environment.

One digest in each line, as `sha256:` and 64 hex digits; what follows a `#` is for people. A file is read
again when it has changed, so that tokens can be added and taken away while replicas run.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from mintage.errors import AccessError
from mintage.settings import Settings
from mintage.spec.serving import AuthenticationSpec

MAX_FILE_BYTES = 2**20
MAX_TOKEN_BYTES = 4096
_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
_HOW = 'write one `sha256:` digest in each line, such as printf %s "$TOKEN" | sha256sum gives'


@dataclass(slots=True)
class Tokens:
    """Whose tokens are good; without a place everybody's."""

    path: Path | None = None
    _digests: tuple[bytes, ...] | None = field(default=None, repr=False)
    _read_at: tuple[int, int] | None = None

    @classmethod
    def of(cls, spec: AuthenticationSpec | None, settings: Settings) -> Self | None:
        """The tokens of a configuration; None when it asks for none. Raises `AccessError` when it cannot."""
        if spec is None or spec.open:
            return None
        if spec.file is not None:
            tokens = cls(Path(spec.file))
            tokens.digests()
            return tokens
        if not settings.serve_tokens:
            raise AccessError(
                "authentication: environment, but MINTAGE_SERVE_TOKENS is not set where replicas run",
                "set it to `sha256:` digests, separated by commas or line ends",
            )
        return cls(None, _parse(settings.serve_tokens.replace(",", "\n"), "MINTAGE_SERVE_TOKENS"))

    def accept(self, authorization: str) -> bool:
        """Whether the value of an Authorization header shows a token whose digest is kept.

        Each digest is compared in constant time, and all of them always.
        """
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not 0 < len(token) <= MAX_TOKEN_BYTES:
            return False
        shown = hashlib.sha256(token.strip().encode("utf-8", "surrogateescape")).digest()
        return sum([hmac.compare_digest(shown, kept) for kept in self.digests()]) > 0

    def digests(self) -> Sequence[bytes]:
        """The digests that are kept now. Raises `AccessError` for a file that is not as it must be."""
        if self.path is None:
            return self._digests or ()
        try:
            found = self.path.stat()
            if self._digests is None or self._read_at != (found.st_mtime_ns, found.st_size):
                with self.path.open("rb") as file:
                    data = file.read(MAX_FILE_BYTES + 1)
                self._digests = _parse(_text(data, self.path), str(self.path))
                self._read_at = (found.st_mtime_ns, found.st_size)
        except OSError as exc:
            raise AccessError(
                f"authentication.file: {self.path} cannot be read: {exc.strerror or exc}", _HOW
            ) from exc
        return self._digests


def _text(data: bytes, path: Path) -> str:
    if len(data) > MAX_FILE_BYTES:
        raise AccessError(f"authentication.file: {path} has more than {MAX_FILE_BYTES} bytes", _HOW)
    try:
        return data.decode("ascii", "strict")
    except UnicodeDecodeError as exc:
        raise AccessError(f"authentication.file: {path} is not ASCII text", _HOW) from exc


def _parse(text: str, place: str) -> tuple[bytes, ...]:
    """The digests in a text. What is no digest is never shown: it may be a token."""
    lines = [line.partition("#")[0].strip() for line in text.splitlines()]
    matches = [(number, _DIGEST.fullmatch(line)) for number, line in enumerate(lines, 1) if line]
    for number, match in matches:
        if match is None:
            raise AccessError(f"{place}: line {number} is no digest of a token", _HOW)
    if not matches:
        raise AccessError(f"{place} holds no digest, so that nobody could ask", _HOW)
    return tuple(bytes.fromhex(match[1]) for _, match in matches if match)
