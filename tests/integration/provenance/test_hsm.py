"""Keys in a PKCS#11 token: SoftHSM, one in software with the interface of those in hardware."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner

import mintage
from mintage.cli import main
from mintage.errors import ProvenanceError, SigningError, UnsignedError
from mintage.provenance.signing import PublicKey, Signer, verify

pytestmark = pytest.mark.hsm

PIN = "424242"
LIBRARIES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
    "/opt/homebrew/lib/softhsm/libsofthsm2.so",
)
KEYS = {"P-256": "hsm:2?label=release", "P-384": "hsm:3?label=release"}


@pytest.fixture(scope="module")
def token(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A token with two keys, whose library this process can load once only."""
    library = next((path for path in LIBRARIES if Path(path).exists()), None)
    if library is None or shutil.which("softhsm2-util") is None:
        raise FileNotFoundError("SoftHSM is not installed: run `make test-hsm`")
    folder = tmp_path_factory.mktemp("softhsm")
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder}/tokens\nlog.level = ERROR\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", str(folder / "softhsm2.conf"))
        patch.setenv("PYKCS11LIB", library)
        patch.delenv("MINTAGE_HSM_PIN", raising=False)
        util("--init-token", "--free", "--label", "release", "--pin", PIN, "--so-pin", "99999999")
        for number, curve in ((2, "P-256"), (3, "P-384")):
            pem = folder / f"{curve}.pem"
            made = ["-algorithm", "EC", "-pkeyopt", f"ec_paramgen_curve:{curve}", "-out", str(pem)]
            subprocess.run(["openssl", "genpkey", *made], capture_output=True, check=True)
            util(
                "--import",
                str(pem),
                "--token",
                "release",
                "--label",
                curve,
                "--id",
                f"0{number}",
                "--pin",
                PIN,
            )
            pem.chmod(0o600)
        yield folder


def util(*arguments: str) -> None:
    subprocess.run(["softhsm2-util", *arguments], capture_output=True, check=True)


@pytest.fixture
def pin(token: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The token, and its PIN in the environment."""
    monkeypatch.setenv("MINTAGE_HSM_PIN", PIN)
    return token


def test_a_key_in_a_token_signs_and_its_public_half_verifies(pin: Path) -> None:
    for curve, uri in KEYS.items():
        public = mintage.public_key(uri)
        signer = Signer.open(uri, ask_pin=lambda: PIN)
        envelope = signer.sign(b'{"a":1}')
        assert verify(envelope, [PublicKey.from_pem(public.pem)]) == b'{"a":1}'
        # The same key in a file has the same id, so verifiers need not know where it is.
        assert signer.keyid == Signer.load(pin / f"{curve}.pem").keyid


def test_a_job_is_signed_by_a_token_and_a_file_and_shows_the_pin_nowhere(pin: Path, tmp_path: Path) -> None:
    key = str(pin / "P-256.pem")
    done = mintage.run(job(tmp_path, key=KEYS["P-384"], keys=[key]))
    signers: Any = done.summary["signers"]
    assert [one["key_path"] for one in signers] == [KEYS["P-384"], key]
    for name, uri in enumerate([KEYS["P-384"], key]):
        public = tmp_path / f"{name}.pub"
        public.write_bytes(mintage.public_key(uri).pem)
        assert mintage.verify(str(tmp_path / "out"), keys=[public]).ok
    written = b"".join(path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert PIN.encode() not in written
    assert PIN not in repr(done.summary)


def test_a_wrong_pin_leaves_the_data_unsigned_and_the_right_one_finishes_them(
    token: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec, out = job(tmp_path, key=KEYS["P-256"]), str(tmp_path / "out")
    monkeypatch.setenv("MINTAGE_HSM_PIN", "000000")
    with pytest.raises(UnsignedError, match=r"unsigned, as version 1.*hsm:2") as caught:
        mintage.run(spec)
    assert "000000" not in str(caught.value)
    public = tmp_path / "release.pub"
    public.write_bytes(Signer.load(token / "P-256.pem").public_key.pem)
    assert [failure.code for failure in mintage.verify(out, keys=[public]).failures] == ["unsigned"]
    monkeypatch.setenv("MINTAGE_HSM_PIN", PIN)
    signed = mintage.sign(out, keys=[KEYS["P-256"]])
    assert (signed.state, signed.version) == ("signed", 1)
    assert mintage.verify(out, keys=[public]).ok


def test_what_is_not_in_the_token_is_said(pin: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for uri in ("hsm:7?label=release", "hsm:2?label=another"):
        with pytest.raises(SigningError, match="cannot be used") as caught:
            mintage.public_key(uri)
        assert "PYKCS11LIB" in caught.value.hint
    monkeypatch.delenv("MINTAGE_HSM_PIN")
    signer = Signer.open(KEYS["P-256"])
    with pytest.raises(ProvenanceError, match="asks for its PIN") as refused:
        signer.sign(b"{}")
    assert refused.value.hint == "set MINTAGE_HSM_PIN"


def test_the_command_prints_the_public_half(pin: Path) -> None:
    shown = CliRunner().invoke(main, ["pubkey", KEYS["P-256"]])
    assert shown.exit_code == 0
    assert shown.output.encode() == mintage.public_key(KEYS["P-256"]).pem


def job(folder: Path, **signing: object) -> dict[str, Any]:
    source = folder / "people.parquet"
    pl.DataFrame({"age": list(range(300)), "sex": ["F", "M", "M"] * 100}).write_parquet(source)
    return {
        "name": "people",
        "source": {"uri": str(source)},
        "generator": {"kind": "tabular.marginals"},
        "rows": 500,
        "sink": {"uri": str(folder / "out"), "shard_rows": 250},
        "resources": {"executor": "inline"},
        "evaluation": {"metrics": []},
        "signing": signing,
    }
