"""The conformance suite for connectors.

One test for each property, in a test suite of any plugin:

    CASE = ConnectorCase(connector=OrcConnector, config=OrcConfig())

    @pytest.mark.parametrize("check", CONNECTOR_CHECKS)
    def test_conformance(check: ConnectorCheck) -> None:
        check(CASE)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa

from mintage.contracts import Connector, ConnectorConfig, TableReader
from mintage.errors import MintageError, SourceError, SpecError
from mintage.testing._configs import check_config
from mintage.testing._running import run_checks
from mintage.testing._tables import table_difference
from mintage.testing.connector_case import ConnectorCase, Place
from mintage.testing.errors import ConformanceError, require, require_error

ConnectorCheck = Callable[[ConnectorCase], None]
"""One property of a connector: raises `ConformanceError` when it does not hold."""

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_GARBAGE = bytes(range(256)) * 8


def declares_its_config(case: ConnectorCase) -> None:
    """The config class is frozen, forbids unknown keys, describes each field; suffixes start with a dot."""
    check_config(case.connector, case.connector.Config, ConnectorConfig, case.config)
    odd = [suffix for suffix in case.connector.suffixes if not suffix.startswith(".")]
    require(not odd, "declares_its_config", f"suffixes without a leading dot: {odd}")


def brings_back_the_table(case: ConnectorCase) -> None:
    """Reading gives the schema, the values and the order that were written."""
    check = "brings_back_the_table"
    expected = case.table if case.expected is None else case.expected
    with case.reading(case.table) as reader:
        found = _whole(reader, reader.scan())
    wrong = table_difference(
        "table", expected.replace_schema_metadata(None), found.replace_schema_metadata(None)
    )
    require(not wrong, check, f"written, then read: {wrong}")


def scans_repeatably(case: ConnectorCase) -> None:
    """Every scan gives the same rows in the same order, also with another under way or given up."""
    check = "scans_repeatably"
    with case.reading(case.table) as reader:
        first = _whole(reader, reader.scan())
        half_way = reader.scan(batch_rows=1)
        next(half_way, None)
        second = _whole(reader, reader.scan())
        rest = sum(batch.num_rows for batch in half_way)
    require(not (wrong := table_difference("table", first, second)), check, f"scanned twice: {wrong}")
    require(
        rest == first.num_rows - 1,
        check,
        f"a scan in the background lost rows: {rest + 1} of {first.num_rows}",
    )


def scans_what_is_asked(case: ConnectorCase) -> None:
    """A scan yields the columns named, in that order, in batches of at most `batch_rows` rows."""
    check = "scans_what_is_asked"
    with case.reading(case.table) as reader:
        whole = _whole(reader, reader.scan())
        names = whole.column_names[::-1][:3]
        for batch_rows in (1, 2, whole.num_rows + 1):
            batches = list(reader.scan(columns=names, batch_rows=batch_rows))
            largest = max(batch.num_rows for batch in batches)
            require(largest <= batch_rows, check, f"a batch of {largest} rows, {batch_rows} were allowed")
            got = batches[0].schema.names
            require(got == names, check, f"columns {names} were asked for, {got} came")
            wrong = table_difference("table", whole.select(names), pa.Table.from_batches(batches))
            require(not wrong, check, f"all columns, then some in batches of {batch_rows}: {wrong}")
        require_error(check, "an unknown column", MintageError, lambda: list(reader.scan(["no such column"])))


def digests_the_content(case: ConnectorCase) -> None:
    """Two readers of one table agree on the digest; a row less, an order or a value changed gives another."""
    check = "digests_the_content"
    with case.placed(case.table) as location:
        first, second = case.make().read(location).digest(), case.make().read(location).digest()
    require(bool(_DIGEST.fullmatch(first)), check, f"{first!r} is not sha256:<64 hex digits>")
    require(first == second, check, f"two readers of one table: {first}, then {second}")
    table = case.table
    others = {
        "a row less": table.slice(1),
        "two rows swapped": pa.concat_tables([table.slice(1, 1), table.slice(0, 1), table.slice(2)]),
        "a row twice": pa.concat_tables([table, table.slice(0, 1)]),
    }
    for what, other in others.items():
        with case.reading(other) as reader:
            require(reader.digest() != first, check, f"the digest does not change with {what}")


def refuses_what_is_not_there(case: ConnectorCase) -> None:
    """A location without a table, or with something else, is refused with `SourceError`."""
    check = "refuses_what_is_not_there"
    with TemporaryDirectory() as folder:
        suffix = (*case.connector.suffixes, "")[0]
        missing = case.missing or str(Path(folder) / f"missing{suffix}")
        require_error(check, f"reading {missing!r}", SourceError, lambda: case.make().read(missing))
        if not case.place:
            path = Path(folder) / f"garbage{suffix}"
            path.write_bytes(_GARBAGE)
            require_error(
                check, "reading garbage", SourceError, lambda: list(case.make().read(str(path)).scan())
            )


def writes_into_an_open_stream(case: ConnectorCase) -> None:
    """Equal batches become equal bytes, and the stream stays open; a connector that only reads says so."""
    check = "writes_into_an_open_stream"
    table = _part(case)
    if not case.writes:
        require_error(check, "writing", SpecError, lambda: case.make().write(BytesIO(), table.schema))
        return
    require(bool(case.connector.suffixes), check, "a connector that writes names the suffix of its parts")
    stream = BytesIO()
    case.make().write(stream, table.schema).close()
    require(not stream.closed, check, "closing the writer closed the stream, which belongs to somebody else")
    first, second = case.encoded(table), case.encoded(table)
    require(first == second, check, f"the same batches became {len(first)}, then {len(second)} other bytes")


def brings_back_its_parts(case: ConnectorCase) -> None:
    """A part comes back in order, value by value, with its schema; damage is our error or none.

    A format need not notice that it was cut short, because digests do; but no foreign error comes out.
    """
    check = "brings_back_its_parts"
    table = _part(case)
    if not case.writes:
        require_error(
            check, "reading a part", SpecError, lambda: list(case.make().scan_part(BytesIO(), table.schema))
        )
        return
    parts = {
        "a part": table,
        "a part without rows": table.slice(0, 0),
        "a part that is never null": _never_null(table),
    }
    for what, part in parts.items():
        try:
            found = _read_part(case, case.encoded(part), part.schema)
        except MintageError as exc:
            raise ConformanceError(check, f"reading {what} raised {type(exc).__name__}: {exc}") from exc
        wrong = table_difference("part", part, found)
        require(not wrong, check, f"{what}, written and read: {wrong}")
    require_error(check, "a part of garbage", SourceError, lambda: _read_part(case, _GARBAGE, table.schema))
    whole = case.encoded(table)
    for size in (0, 1, len(whole) // 2, len(whole) - 1):
        _read_damaged(case, whole[:size], table.schema)


CONNECTOR_CHECKS: tuple[ConnectorCheck, ...] = (
    declares_its_config,
    brings_back_the_table,
    scans_repeatably,
    scans_what_is_asked,
    digests_the_content,
    refuses_what_is_not_there,
    writes_into_an_open_stream,
    brings_back_its_parts,
)
"""Every property that the platform relies on; the names of the functions name the tests."""


def check_connector(
    connector: type[Connector],
    config: ConnectorConfig,
    table: pa.Table | None = None,
    *,
    place: Place | None = None,
) -> None:
    """Run all checks; raises `ConformanceError` for the first property that does not hold.

    `table` is what the connector has to carry (every type, when not given); `place` puts it where
    a connector that does not write can read it.
    """
    case = ConnectorCase(connector=connector, config=config, place=place)
    run_checks(CONNECTOR_CHECKS, case if table is None else _with_table(case, table))


def _with_table(case: ConnectorCase, table: pa.Table) -> ConnectorCase:
    return ConnectorCase(connector=case.connector, config=case.config, place=case.place, table=table)


def _whole(reader: TableReader, batches: Iterator[pa.RecordBatch]) -> pa.Table:
    found = list(batches)
    for batch in found:
        batch.validate(full=True)
        require(
            batch.schema.equals(reader.schema),
            "scans_what_is_asked",
            f"a batch has\n{batch.schema}\nbut the reader says\n{reader.schema}",
        )
    return pa.Table.from_batches(found, reader.schema)


def _part(case: ConnectorCase) -> pa.Table:
    return case.table if case.part is None else case.part


def _read_part(case: ConnectorCase, data: bytes, schema: pa.Schema) -> pa.Table:
    found = list(case.make().scan_part(BytesIO(data), schema))
    for batch in found:
        require(
            batch.schema.equals(schema),
            "brings_back_its_parts",
            f"a batch has\n{batch.schema}\nnot\n{schema}",
        )
    return pa.Table.from_batches(found, schema)


def _read_damaged(case: ConnectorCase, data: bytes, schema: pa.Schema) -> None:
    try:
        list(case.make().scan_part(BytesIO(data), schema))
    except SourceError:
        return
    except Exception as exc:
        evidence = f"a part cut to {len(data)} bytes: {type(exc).__name__} instead of SourceError: {exc}"
        raise ConformanceError("brings_back_its_parts", evidence) from exc


def _never_null(table: pa.Table) -> pa.Table:
    """The first row, with a schema in which nothing may be null."""
    return table.slice(0, 1).cast(pa.schema([field.with_nullable(False) for field in table.schema]))
