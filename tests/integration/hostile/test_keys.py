"""Faults 62 and 63: keys that must not sign, and a key service that goes away when the work is done."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mintage.provenance.signing import generate_key

if TYPE_CHECKING:
    from tests.integration.hostile.conftest import Child

SPEC = """
name: people
source: {{uri: {source}}}
generator: {{kind: tabular.marginals}}
rows: 500
sink: {{uri: out, shard_rows: 250}}
resources: {{executor: inline}}
evaluation: {{metrics: []}}
signing: {{key: {key}}}
"""

# The `mintage` command, with a key in a service that tells its public half and then does not sign.
GONE = """
import sys
from dataclasses import replace
from securesystemslib.signer import CryptoSigner, Signer
from mintage.provenance import key_services
class Gone(CryptoSigner):
    def sign(self, payload):
        raise ConnectionError("no route to host")
gone = Gone(CryptoSigner.generate_ed25519()._private_key)
kind = key_services._SERVICES["awskms"]
key_services._SERVICES["awskms"] = replace(kind, modules=(), open=lambda match, ask_pin: gone)
from mintage.cli import main
main(sys.argv[1:])
"""


def openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], capture_output=True, check=True)


@pytest.fixture
def spec(child: Child, made: Path) -> Path:
    """A job in the child's folder, signed with `key`."""
    path = child.folder / "job.yaml"
    path.write_text(SPEC.format(source=made / "people.parquet", key="key"))
    return path


def open_to_others(key: Path) -> None:
    generate_key(key)
    key.chmod(0o644)


def encrypted(key: Path) -> None:
    openssl("genpkey", "-algorithm", "ed25519", "-aes256", "-pass", "pass:secret", "-out", str(key))
    key.chmod(0o600)


def short_rsa(key: Path) -> None:
    openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024", "-out", str(key))
    key.chmod(0o600)


def endless(key: Path) -> None:
    os.mkfifo(key, 0o600)


@pytest.mark.parametrize(
    ("make", "reasons"),
    [
        (open_to_others, ("open to other users (mode 0644)", "chmod 600")),
        (encrypted, ("is encrypted", "openssl pkey")),
        (short_rsa, ("RSA of 1024 bits", "mintage keygen")),
        (endless, ("is not a file",)),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_62_a_key_that_must_not_sign_is_refused_before_any_work(
    child: Child, spec: Path, made: Path, make: object, reasons: tuple[str, ...]
) -> None:
    assert callable(make)
    make(child.folder / "key")
    child.mintage("run", spec).refused(*reasons)
    assert not list((child.folder / "out").rglob("*.parquet"))


def test_63_when_the_key_service_goes_away_the_data_are_kept_and_signed_later(
    child: Child, spec: Path
) -> None:
    spec.write_text(spec.read_text().replace("key: key", "key: 'awskms:alias/release'"))
    done = child.python(GONE, "run", str(spec), "--json")
    done.refused("complete and kept, but unsigned", "no route to host", "mintage sign", "kms:Sign")
    assert done.json["error"]["type"] == "UnsignedError"
    child.mintage("verify", "out", "--key", generate_key(child.folder / "later").public_path).refused(
        "unsigned"
    )
    for copy in ("again", "changed"):
        shutil.copytree(child.folder / "out", child.folder / copy)
    part = next((child.folder / "changed/data/people").iterdir())
    part.write_bytes(part.read_bytes() + b"x")
    changed = child.mintage("sign", "changed", "--key", "later")
    changed.refused("is not signed", "another size than its commit says")

    assert child.mintage("sign", "out", "--key", "later").code == 0
    assert child.mintage("verify", "out", "--key", "later.pub").code == 0

    # The same job, when the key can sign: nothing is minted anew.
    spec.write_text(
        spec.read_text().replace("awskms:alias/release", "later").replace("uri: out", "uri: again")
    )
    resumed = replace(child, cpu_seconds=30).mintage("run", spec, "--json")
    assert (resumed.code, resumed.json["resumed_shards"]) == (0, 2), resumed.err
    assert child.mintage("verify", "again", "--key", "later.pub").code == 0
