"""Fixtures of the tests that run against real servers."""

from __future__ import annotations

from tests.integration.seaweed import s3_env, s3_server

__all__ = ["s3_env", "s3_server"]
