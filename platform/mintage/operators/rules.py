"""The rules of a plan: checked together, bound to what they prepared, and the column that tags need."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from mintage.contracts import ColumnSchema, DatasetSchema, Operator, Semantics, TableSchema
from mintage.errors import SpecError
from mintage.operators._columns import nearest

TAGS = "_tags"
"""Column that names the rules with action `tag` that a row breaks: reason codes, or null."""

REASON = "_reason"
"""Column of rejected rows that names the first rule that each breaks."""

ORPHANED = "orphaned"
"""Reason of rows that were dropped because a row they refer to was; no rule may have it."""

_REASON_CODE = re.compile(r"[A-Za-z0-9_.:\-]{1,100}")


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundRule:
    """An operator of a plan, the table that it judges, and what it prepared from the source."""

    table: str
    operator: Operator
    prepared: bytes = b""

    @property
    def reason(self) -> str:
        """The code under which violations are counted."""
        return self.operator.reason

    @property
    def tags(self) -> bool:
        """Whether broken rules are only noted, and the rows kept."""
        return self.operator.config.action == "tag"


def check_rules(schema: DatasetSchema, rules: Iterable[tuple[Operator, str]]) -> None:
    """Refuse rules that make no sense for the tables that they judge, or together.

    `rules` are operators with the names of their tables. Raises `SpecError` for the first problem.
    """
    seen: set[str] = set()
    for operator, name in rules:
        reason, config = operator.reason, operator.config
        if name not in schema.names:
            raise SpecError(f"{reason}: there is no table {name!r}", nearest(name, schema.names))
        if not _REASON_CODE.fullmatch(reason) or reason == ORPHANED:
            raise SpecError(f"{reason!r} cannot be a reason code", "give the rule another name")
        if reason in seen:
            raise SpecError(f"two rules have the reason code {reason!r}", "give one of them a name")
        if config.above and config.action != "fail":
            raise SpecError(
                f"{reason}: above has a meaning for action fail only, not for {config.action}",
                "add action: fail",
            )
        seen.add(reason)
        table = schema.table(name)
        operator.check(table)
        if config.action == "tag":
            _check_tags_column(table)


def tagged_schema(schema: DatasetSchema, rules: Sequence[BoundRule]) -> DatasetSchema:
    """The schema of what is stored: tables that a rule tags have the column `_tags` at their end."""
    tagged = {rule.table for rule in rules if rule.tags}
    if not tagged:
        return schema
    return replace(schema, tables=tuple(_with_tags(t) if t.name in tagged else t for t in schema.tables))


def _with_tags(table: TableSchema) -> TableSchema:
    _check_tags_column(table)
    tags = ColumnSchema(name=TAGS, type=pa.string(), semantics=Semantics.TEXT)
    return replace(table, columns=(*table.columns, tags))


def _check_tags_column(table: TableSchema) -> None:
    if TAGS in table.names:
        raise SpecError(
            f"table {table.name!r} has a column {TAGS!r} already, which action tag would add",
            "rename the column",
        )
