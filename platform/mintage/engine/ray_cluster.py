"""The Ray cluster that a job runs on: the one that it is told to join, or a local one of its own."""

from __future__ import annotations

import logging
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from mintage.errors import ClusterError
from mintage.settings import Settings


@contextmanager
def ray_cluster(address: str | None, settings: Settings) -> Iterator[str]:
    """Connect to Ray while the body runs; yields a name for the cluster.

    A session that the program has open already is used as it is, and left open. A local cluster is
    started on the loopback interface, without a dashboard, and stopped in the end.
    """
    target = address or settings.ray_address
    if target is None and settings.ray_auth_mode is None and "ray" not in sys.modules:
        _choose_own_token()
    import ray

    if ray.is_initialized():
        yield "the Ray session of this program"
        return
    try:
        if target:
            ray.init(address=target, log_to_driver=False, logging_level=logging.WARNING)
        else:
            _start_local()
    except (ConnectionError, RuntimeError, TimeoutError, ValueError) as exc:
        raise ClusterError(
            f"Ray at {target or 'this machine'} cannot be reached or started: {exc}",
            "check resources.address and RAY_AUTH_MODE, or set resources.executor to inline",
        ) from exc
    try:
        yield target or "a local Ray"
    finally:
        ray.shutdown()


def _choose_own_token() -> None:
    """Protect a local cluster with a token that dies with this process.

    Ray reads these variables once, when it is imported. Left alone it would turn token
    authentication on by itself, and leave a token file in the home folder that changes later runs.
    """
    os.environ["RAY_AUTH_MODE"] = "token"
    os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)


def _start_local() -> None:
    import ray

    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    ray.init(
        address="local",
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.WARNING,
        configure_logging=False,
        _node_ip_address="127.0.0.1",
    )
