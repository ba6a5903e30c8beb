"""Running all checks of a suite in turn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from mintage.testing.errors import ConformanceError

Case = TypeVar("Case")


def run_checks(checks: Sequence[Callable[[Case], None]], case: Case) -> None:
    """Run the checks in order; whatever a plugin raises becomes a `ConformanceError` that names the check."""
    for check in checks:
        try:
            check(case)
        except ConformanceError:
            raise
        except Exception as exc:
            raise ConformanceError(check.__name__, f"raised {type(exc).__name__}: {exc}") from exc
