"""The fixtures of the API's tests: here the same API runs on Ray Serve."""

from __future__ import annotations

from tests.unit.serving.conftest import people

__all__ = ["people"]
