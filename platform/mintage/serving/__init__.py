"""Rows on request: fitted models behind an HTTP API, on Ray Serve (`pip install 'mintage[serve]'`).

    configuration > signature, plan, model > a request > rows, alone or together > bytes
    `spec/serving.py`       `models.py`    `spec/sampling.py`  `drawing.py`, `sampler.py`  `wire.py`

`gate.py` lets requests in (tokens, sizes, turns), `api.py` answers them, `app.py` puts both into a replica,
and `running.py` serves until it is told to stop. Data sets are not written here, and nothing is fitted:
that is what `jobs` does.
"""

from typing import TYPE_CHECKING

from mintage._lazy import lazy_exports

if TYPE_CHECKING:
    from mintage.serving.app import application
    from mintage.serving.running import serve

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "application": "mintage.serving.app",
        "serve": "mintage.serving.running",
    },
)

__all__ = ["application", "serve"]
