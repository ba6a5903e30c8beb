"""`mintage serve`: rows of fitted models on request, over HTTP."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from types import FrameType
from typing import Any

import click

from mintage.cli._options import policy_option, storage_option, trusted_keys_option
from mintage.cli._shell import common, print_json


@click.command()
@click.argument("config", required=False, type=click.Path(path_type=Path))
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="NAME=DATASET",
    help="Serve the model of DATASET as NAME, instead of what CONFIG names. May be repeated.",
)
@trusted_keys_option
@policy_option
@storage_option
@click.option("--host", help="Address to listen on; 127.0.0.1 by default.")
@click.option("--port", type=click.IntRange(1, 65_535), help="Port to listen on; 8000 by default.")
@click.option(
    "--tokens", metavar="FILE", type=click.Path(path_type=Path), help="Digests of the tokens of who may ask."
)
@click.option("--address", help="Ray cluster to serve on; a local Ray by default.")
@common
def serve(config: Path | None, *, as_json: bool, **asked: Any) -> None:  # noqa: ANN401  # click's
    """Serve the models that CONFIG names until SIGTERM or Ctrl-C: rows on request, over HTTP."""
    from mintage.spec import read_serving_spec
    from mintage.spec.read import read_values

    values = read_values(config, "serving configuration") if config is not None else {}
    spec = read_serving_spec(_merged(values, **asked) if any(asked.values()) or config is None else config)

    # Only a sound configuration is worth the seconds that these take to load.
    from mintage.serving import serve as serve_models

    # In this order: Ray takes the signals for itself when it starts.
    with serve_models(spec) as served, _stopping() as stop:
        if as_json:
            print_json({"url": served.url, "models": list(served.models), "cluster": served.cluster})
        else:
            click.echo(
                f"serving {', '.join(served.models)} at {served.url} (Ctrl-C stops)\n"
                f"next: curl {served.url}/v1/models"
            )
        served.wait(stop)


def _merged(values: object, **asked: Any) -> Mapping[str, object]:  # noqa: ANN401  # click's
    """The configuration with what the options say besides."""
    from mintage.spec import read_options

    if not isinstance(values, Mapping):
        raise click.UsageError("the configuration must be a mapping of keys")
    merged: dict[str, object] = dict(values)
    for key in ("host", "port", "address"):
        if asked[key] is not None:
            merged[key] = asked[key]
    if asked["tokens"] is not None:
        merged["authentication"] = {"file": str(asked["tokens"])}
    for text in asked["models"]:
        name, separator, uri = text.partition("=")
        if not separator or not name or not uri:
            raise click.UsageError(f"--model {text!r} has no form NAME=DATASET")
        known = merged.get("models")
        merged["models"] = {
            **(known if isinstance(known, Mapping) else {}),
            name: {
                "uri": uri,
                "trust": [str(key) for key in asked["keys"]],
                "policy": str(asked["policy"]) if asked["policy"] is not None else None,
                "storage": read_options(asked["storage"]),
            },
        }
    if not asked["models"] and (asked["keys"] or asked["policy"] or asked["storage"]):
        raise click.UsageError("--key, --policy and --storage go with --model; write them into CONFIG")
    return merged


@contextmanager
def _stopping() -> Iterator[Event]:
    """An event that SIGTERM and Ctrl-C set: for a server they are the ordinary end."""
    stop = Event()

    def ask(number: int, frame: FrameType | None) -> None:
        del number, frame
        stop.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
