"""The commands about keys and signatures: `keygen`, `pubkey`, `sign`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mintage.cli._options import storage_option
from mintage.cli._shell import common, print_json

if TYPE_CHECKING:
    from mintage.jobs.signing import SignedVersion
    from mintage.provenance.key_files import Algorithm


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--algorithm",
    type=click.Choice(["ed25519", "ecdsa-p256", "ecdsa-p384"]),
    default="ed25519",
    show_default=True,
    help="Kind of the keys.",
)
@common
def keygen(path: Path, algorithm: Algorithm, *, as_json: bool) -> None:
    """Make a pair of signing keys: the private one at PATH, the public one at PATH.pub."""
    from mintage.provenance.signing import generate_key

    key = generate_key(path, algorithm)
    if as_json:
        print_json(
            {"key_id": key.keyid, "private_key": str(key.private_path), "public_key": str(key.public_path)}
        )
    else:
        click.echo(
            f"private key  {key.private_path}  (keep it secret; name it as signing.key)\n"
            f"public key   {key.public_path}  (for: mintage verify DATASET --key {key.public_path})\n"
            f"key id       {key.keyid}"
        )


@click.command()
@click.argument("key", required=False)
@common
def pubkey(key: str | None, *, as_json: bool) -> None:
    """Print the public half of KEY, the path or URI of a private key; your local identity by default."""
    from mintage.jobs.signing import public_key

    public = public_key(key)
    if as_json:
        print_json({"key_id": public.keyid, "public_key": public.pem.decode("ascii")})
    else:
        click.echo(public.pem.decode("ascii"), nl=False)


@click.command()
@click.argument("dataset")
@click.option(
    "--key",
    "keys",
    multiple=True,
    metavar="KEY",
    help="Path or URI of a private key, such as awskms:alias/release; your local identity by default. "
    "May be repeated.",
)
@click.option(
    "--trust",
    "trusted",
    multiple=True,
    metavar="PUB",
    type=click.Path(path_type=Path),
    help="A public key that must have signed what gets a further signature; your local identity's by "
    "default. May be repeated.",
)
@click.option("--version", type=click.IntRange(1), help="Version to sign; the newest by default.")
@storage_option
@common
def sign(
    dataset: str,
    *,
    keys: tuple[str, ...],
    trusted: tuple[Path, ...],
    version: int | None,
    storage: tuple[str, ...],
    as_json: bool,
) -> None:
    """Sign DATASET: what could not be signed when it was made, or once more what is signed."""
    from mintage.jobs.signing import sign as sign_dataset
    from mintage.spec import read_options

    signed = sign_dataset(
        dataset, keys=keys, version=version, trusted=trusted or None, storage=read_options(storage)
    )
    if as_json:
        print_json(signed.to_json())
    else:
        click.echo(_to_text(signed))


def _to_text(signed: SignedVersion) -> str:
    lines = [
        f"{signed.state}  {signed.dataset}, version {signed.version}",
        f"root     {signed.root}",
        f"written  {signed.path}",
        *(f"signed   by key {keyid}" for keyid in signed.keyids),
    ]
    return "\n".join(lines)
