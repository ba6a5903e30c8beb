"""Keys of Vault's transit engine, against a server of our own that answers two requests; not Vault itself.

What is real: the HTTP client (hvac), the requests that it makes, a key that never leaves the server, and
its signatures. What is not: how Vault keeps keys, its policies, and anything else that it does.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import mintage
from mintage.errors import ProvenanceError, SigningError
from mintage.provenance.signing import PublicKey, Signer, verify

TOKEN = "token-of-the-tests"
PAYLOAD = b'{"a":1}'


class Transit(BaseHTTPRequestHandler):
    """`transit/keys/release` and `transit/sign/release`, as the documentation of Vault's API has them."""

    key = Ed25519PrivateKey.generate()
    versions = 2

    def do_GET(self) -> None:
        if self.path == "/v1/transit/keys/release" and self._may():
            public = base64.b64encode(self.key.public_key().public_bytes_raw()).decode()
            versions = {str(number): {"public_key": public} for number in range(1, self.versions + 1)}
            self._answer(200, {"data": {"type": "ed25519", "name": "release", "keys": versions}})
        else:
            self._answer(404, {"errors": []})

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        asked = json.loads(self.rfile.read(length))
        if not self._may():
            self._answer(403, {"errors": ["permission denied"]})
        elif self.path.startswith("/v1/transit/sign/release"):
            signature = self.key.sign(base64.b64decode(asked["input"]))
            text = f"vault:v{asked['key_version']}:{base64.b64encode(signature).decode()}"
            self._answer(200, {"data": {"signature": text, "key_version": asked["key_version"]}})
        else:
            self._answer(404, {"errors": []})

    do_PUT = do_POST

    def _may(self) -> bool:
        return self.headers.get("X-Vault-Token") == TOKEN

    def _answer(self, code: int, value: object) -> None:
        body = json.dumps(value).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # the name in the library
        """Nothing is logged."""


@pytest.fixture
def vault(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ThreadingHTTPServer]:
    """The server, and what hvac finds it by."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Transit)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    monkeypatch.setenv("VAULT_ADDR", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("VAULT_TOKEN", TOKEN)
    monkeypatch.setenv("HOME", str(tmp_path))
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("uri", ["hv:release", "hv:release/2"])
def test_a_key_of_the_transit_engine_signs(vault: ThreadingHTTPServer, uri: str) -> None:
    signer = Signer.open(uri)
    public = PublicKey.from_pem(mintage.public_key(uri).pem)
    assert verify(signer.sign(PAYLOAD), [public]) == PAYLOAD


def test_another_version_than_the_newest_is_refused(vault: ThreadingHTTPServer) -> None:
    with pytest.raises(ProvenanceError, match="not the newest version") as caught:
        Signer.open("hv:release/1")
    assert "hv:release/2" in caught.value.hint


def test_a_key_that_is_not_there_and_a_token_that_may_not_sign_are_told(
    vault: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SigningError, match="hv:other cannot be used") as caught:
        Signer.open("hv:other")
    assert "VAULT_ADDR" in caught.value.hint
    signer = Signer.open("hv:release")
    monkeypatch.setattr(Transit, "_may", lambda _: False)
    with pytest.raises(SigningError, match="permission denied") as refused:
        signer.sign(PAYLOAD)
    assert TOKEN not in str(refused.value)


def test_a_server_that_went_away_is_told(vault: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    signer = Signer.open("hv:release")
    monkeypatch.setattr(Transit, "do_POST", lambda self: self._answer(503, {"errors": ["sealed"]}))
    monkeypatch.setattr(Transit, "do_PUT", lambda self: self._answer(503, {"errors": ["sealed"]}))
    with pytest.raises(SigningError, match="sealed"):
        signer.sign(PAYLOAD)
