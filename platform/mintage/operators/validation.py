"""Validation, as a worker runs it: all rules of all tables on the batches of one request.

    validator = BatchValidator(plan.schema, rules, keep_rejects=False)     (one for each shard)
    judged = validator.validate({"orders": …, "lines": …}, limit=1000)     (batch after batch)
    judged["orders"].accepted, judged["orders"].counts

Nothing is read or written here, and nothing depends on anything but the batches and their order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from mintage.contracts import DatasetSchema
from mintage.errors import GenerationError
from mintage.operators._columns import nearest
from mintage.operators._fates import settle
from mintage.operators._table_pass import TablePass
from mintage.operators.rules import ORPHANED, REASON, TAGS, BoundRule, check_rules, tagged_schema
from mintage.operators.verdicts import Counts, Excess, Judged, find_excesses

__all__ = [
    "ORPHANED",
    "REASON",
    "TAGS",
    "BatchValidator",
    "BoundRule",
    "Counts",
    "Excess",
    "Judged",
    "check_rules",
    "find_excesses",
    "tagged_schema",
]


class BatchValidator:
    """Judges the batches of one shard, in order."""

    def __init__(
        self, schema: DatasetSchema, rules: Sequence[BoundRule], *, keep_rejects: bool = False
    ) -> None:
        """Make the judges of a shard.

        Args:
            schema: The tables that the model makes.
            rules: The rules of the plan, in its order; a row counts as rejected by the first that it breaks.
            keep_rejects: Whether `Judged.rejected` holds the rejected rows.
        """
        self._schema = schema
        self._passes = {
            table.name: TablePass(
                table, [rule for rule in rules if rule.table == table.name], keep_rejects=keep_rejects
            )
            for table in schema.tables
        }

    def validate(
        self, batches: Mapping[str, pa.RecordBatch], *, limit: int | None = None
    ) -> dict[str, Judged]:
        """Judge the answer to one request: a batch for each table, or for some.

        A row is rejected when it breaks a rule whose action is reject or fail, orphaned when it refers
        to a row of these batches that is dropped for that, and surplus when only the limit drops it:
        of the root rows that are left, the first `limit` are kept, with what belongs to them. Rules
        that remember rows learn of those kept only.

        Raises `GenerationError` for a table that the schema does not have, `PluginError` when a rule
        cannot judge the rows.
        """
        for name in batches:
            if name not in self._schema.names:
                raise GenerationError(
                    f"the model made rows of an unknown table {name!r}", nearest(name, self._schema.names)
                )
        verdicts = {name: self._passes[name].judge(batch) for name, batch in batches.items()}
        fates = settle(self._schema, batches, {name: v.rejected for name, v in verdicts.items()}, limit)
        return {name: self._passes[name].finish(batches[name], verdicts[name], fates[name]) for name in fates}
