"""Generators for audits: a sound one whose machine may be sick, beside those of the conformance suite.

Copied into a folder of installed packages, together with `faulty_generators`.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from mintage.contracts import Determinism, SampleRequest, TableBatch

if TYPE_CHECKING:
    from tests.conformance.faulty.faulty_generators import PARENTS, Sound, SoundModel
else:
    from faulty_generators import PARENTS, Sound, SoundModel

SICK = Path(__file__).parent / "sick"


def _is_sick() -> bool:
    """Whether this process runs where bits flip: the first that asks does, and goes on to."""
    with contextlib.suppress(FileExistsError), SICK.open("x") as file:
        file.write(str(os.getpid()))
    return SICK.read_text() == str(os.getpid())


class OnOneSickMachine(Sound):
    """Keeps the contract; but one of the processes that run it flips the last bit of a number."""

    class model(SoundModel):
        def sample(self, request: SampleRequest) -> Iterator[TableBatch]:
            for table, batch in super().sample(request):
                yield TableBatch(table, self._flip(batch) if table == "parents" and _is_sick() else batch)

        def _flip(self, batch: pa.RecordBatch) -> pa.RecordBatch:
            amounts = batch.column("amount").to_numpy().copy()
            amounts.view("u8")[0] ^= 1
            columns = [*batch.columns[:2], pa.array(amounts)]
            return pa.record_batch(columns, schema=PARENTS.arrow())


class OnlyClose(OnOneSickMachine):
    """The same, and it claims no more than that numbers are close."""

    class model(OnOneSickMachine.model):
        determinism = Determinism.CLOSE
