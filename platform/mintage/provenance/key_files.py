"""Files with keys: who may read them, which kinds are taken, and how new ones are written."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path
from typing import Literal, get_args

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    SECP384R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from securesystemslib.signer import CryptoSigner

from mintage.errors import ProvenanceError

Algorithm = Literal["ed25519", "ecdsa-p256", "ecdsa-p384"]
ALGORITHMS: tuple[Algorithm, ...] = get_args(Algorithm)

_SCHEMES = {"ecdsa-p256": "ecdsa-sha2-nistp256", "ecdsa-p384": "ecdsa-sha2-nistp384"}
_SIZED = (RSAPrivateKey, RSAPublicKey, EllipticCurvePrivateKey, EllipticCurvePublicKey)
_CURVES = (SECP256R1, SECP384R1)
_MAX_KEY_BYTES = 64 * 1024
_ADVICE = "make an ed25519 key with `mintage keygen`; ECDSA on P-256 or P-384 is taken too"


def new_key(algorithm: Algorithm = "ed25519") -> CryptoSigner:
    """A new private key in memory."""
    if algorithm == "ed25519":
        return CryptoSigner.generate_ed25519()
    return CryptoSigner.generate_ecdsa(scheme=_SCHEMES[algorithm])


def parse_private_key(pem: bytes, name: str) -> Ed25519PrivateKey | EllipticCurvePrivateKey:
    """The private key in PEM bytes; `name` is used in error messages.

    Raises `ProvenanceError` for what is no private key, is encrypted, or of a kind that is not taken.
    """
    try:
        key = load_pem_private_key(pem, None)
    except TypeError as exc:
        raise ProvenanceError(
            f"{name} is encrypted, and a job has nobody to ask for its passphrase",
            "decrypt it into a file that only you can read: (umask 077; openssl pkey -in KEY -out NEW); "
            "or keep it in a key service or token, such as awskms: or hsm:",
        ) from exc
    except (ValueError, UnsupportedAlgorithm) as exc:
        raise ProvenanceError(
            f"{name} is not a private key in PEM form",
            "make one with `mintage keygen`, and give the file without .pub",
        ) from exc
    if isinstance(key, Ed25519PrivateKey) or (
        isinstance(key, EllipticCurvePrivateKey) and isinstance(key.curve, _CURVES)
    ):
        return key
    raise _refused(name, key)


def parse_public_key(pem: bytes, name: str) -> Ed25519PublicKey | EllipticCurvePublicKey:
    """The public key in PEM bytes; raises `ProvenanceError` as `parse_private_key` does."""
    try:
        key = load_pem_public_key(pem)
    except (ValueError, TypeError, UnsupportedAlgorithm) as exc:
        raise ProvenanceError(
            f"{name} is not a public key in PEM form: {exc}",
            "give the .pub file that `mintage keygen` wrote beside the private key",
        ) from exc
    if isinstance(key, Ed25519PublicKey) or (
        isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, _CURVES)
    ):
        return key
    raise _refused(name, key)


def read_key(path: Path, *, private: bool = False) -> bytes:
    """The bytes of a key file; a private one must be readable by its owner alone.

    Raises `ProvenanceError` when it cannot be read, or is open to others.
    """
    try:
        # A pipe under that name must not be waited for.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            mode = os.fstat(handle).st_mode
            if not stat.S_ISREG(mode):
                raise ProvenanceError(f"the key {path} is not a file", "make one with `mintage keygen`")
            if private:
                _check_mode(path, mode)
            return os.read(handle, _MAX_KEY_BYTES)
        finally:
            os.close(handle)
    except OSError as exc:
        raise ProvenanceError(
            f"the key {path} cannot be read: {exc.strerror or exc}", "make one with `mintage keygen`"
        ) from exc


def create_file(path: Path, data: bytes, mode: int) -> None:
    """Create a file that others see complete or not at all; raises when it is there already."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    except OSError as exc:
        raise cannot_write(path, exc) from exc
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        # A link fails when the name is taken, and makes the file appear with all its bytes.
        Path(path).hardlink_to(name)
    except FileExistsError as exc:
        raise ProvenanceError(
            f"{path} exists, and a key is never overwritten", "choose another name"
        ) from exc
    except OSError as exc:
        raise cannot_write(path, exc) from exc
    finally:
        Path(name).unlink(missing_ok=True)


def cannot_write(path: Path, exc: OSError) -> ProvenanceError:
    """The error of a key that its folder does not take."""
    return ProvenanceError(
        f"the key {path} cannot be written: {exc.strerror or exc}", "choose a folder that you may write to"
    )


def _check_mode(path: Path, mode: int) -> None:
    if stat.S_IMODE(mode) & 0o077:
        raise ProvenanceError(
            f"the private key {path} is open to other users (mode {stat.S_IMODE(mode):04o})",
            f"chmod 600 {path}",
        )


def _refused(name: str, key: object) -> ProvenanceError:
    kind = type(key).__name__.removesuffix("PrivateKey").removesuffix("PublicKey")
    size = f" of {key.key_size} bits" if isinstance(key, _SIZED) else ""
    return ProvenanceError(f"{name} is of a kind that is not taken: {kind}{size}", _ADVICE)
