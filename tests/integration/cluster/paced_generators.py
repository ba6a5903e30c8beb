"""A sound generator that takes its time, so that a cluster can be killed in the middle of a run.

Copied into a folder of installed packages, together with `faulty_generators`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from mintage.contracts import SampleRequest, TableBatch

if TYPE_CHECKING:
    from tests.conformance.faulty.faulty_generators import Sound, SoundModel
else:
    from faulty_generators import Sound, SoundModel

SECONDS = 0.25


class Paced(Sound):
    """Keeps the contract, a quarter of a second for each request."""

    class model(SoundModel):
        def sample(self, request: SampleRequest) -> Iterator[TableBatch]:
            time.sleep(SECONDS)
            yield from super().sample(request)
