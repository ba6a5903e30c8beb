"""A spec that is sound, for tests that change one thing in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mintage.errors import SpecError
from mintage.spec import read_spec

Values = dict[str, Any]
Refused = Callable[[Values], str]


@pytest.fixture
def base() -> Values:
    return {"name": "flights", "rows": 1000, "source": {"uri": "flights.parquet"}, "sink": {"uri": "out"}}


@pytest.fixture
def refused(base: Values) -> Refused:
    """What is said about the sound spec with some keys changed; None removes a key."""

    def change(changes: Values) -> str:
        values = {key: value for key, value in (base | changes).items() if value is not None}
        with pytest.raises(SpecError) as caught:
            read_spec(values)
        assert caught.value.exit_code == 2
        return str(caught.value)

    return change
