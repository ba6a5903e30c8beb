"""What a failed check raises."""

from __future__ import annotations

from collections.abc import Callable

from mintage.errors import MintageError


class ConformanceError(AssertionError):
    """A plugin breaks its contract: the property that does not hold, and what was seen instead.

    An assertion of a test suite, not an error that a job can meet: it stands outside the tree of
    `mintage.errors`, and test runners count it as a failure.

    >>> str(ConformanceError("repeats_a_request", "rows of table 'orders': 64, then 63"))
    "repeats_a_request: rows of table 'orders': 64, then 63"
    """

    def __init__(self, check: str, evidence: str) -> None:
        super().__init__(check, evidence)
        self.check = check
        self.evidence = evidence

    def __str__(self) -> str:
        return f"{self.check}: {self.evidence}"


def require(condition: bool, check: str, evidence: str) -> None:
    """Raise `ConformanceError` unless the condition holds."""
    if not condition:
        raise ConformanceError(check, evidence)


def require_error(check: str, what: str, error: type[MintageError], call: Callable[[], object]) -> None:
    """Raise `ConformanceError` unless the call raises `error`; another error is the evidence."""
    try:
        call()
    except error:
        return
    except Exception as exc:
        raise ConformanceError(
            check, f"{what}: {type(exc).__name__} instead of {error.__name__}: {exc}"
        ) from exc
    raise ConformanceError(check, f"{what} did not raise {error.__name__}")
