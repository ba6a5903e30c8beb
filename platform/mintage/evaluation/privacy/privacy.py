"""The privacy section: copies, distances and attacks, and what was done with real rows to measure them."""

from __future__ import annotations

from mintage.evaluation.options import Options
from mintage.evaluation.privacy.copies import count_copies
from mintage.evaluation.privacy.distances import Measured, measure_distances
from mintage.evaluation.privacy.inference import choose_secrets, measure_inference
from mintage.evaluation.privacy.linkability import measure_linkability
from mintage.evaluation.privacy.membership import measure_membership
from mintage.evaluation.privacy.singling_out import rank_tables, single_out_by_many, single_out_by_one
from mintage.evaluation.privacy.space import Space
from mintage.evaluation.privacy.targets import Targets
from mintage.evaluation.results import Attack, LedgerEntry, Membership, Privacy
from mintage.evaluation.tables import Table, Tables

_FEWEST_ROWS = 100
_PAIRS = 1_200_000_000  # pairs of rows that one search for neighbours compares at most
_ATTEMPTS = (500, 2000)
_ATTACKED_PAIRS = 100_000_000


def measure_privacy(tables: Tables, options: Options) -> Privacy:
    """What the synthetic rows reveal of the real ones; without a holdout, no risk can be told.

    References are always whole tables. Queries are at most `options.max_rows`, and fewer where more than
    1.2 thousand million pairs would be compared; attacks are tried on 500 to 2,000 rows.
    """
    notes: list[str] = []
    if tables.holdout is None:
        notes.append(
            "without a holdout there is no control: risks, membership, near copies and the share of rows "
            "closer to train are not computed"
        )
    if few := [table.name for table in tables.all if table.rows < _FEWEST_ROWS]:
        notes.append(f"the {few[0]} table has fewer than {_FEWEST_ROWS} rows: only exact copies are counted")
        return Privacy(copies=count_copies(tables, None), ledger=_ledger(tables), notes=notes)
    space = Space.of(tables)
    measured = _distances(tables, space, options, notes)
    ranked = rank_tables(tables)
    attempts = _attempts(tables)
    one = single_out_by_one(ranked, attempts=attempts, seed=options.seed)
    many = single_out_by_many(ranked, attempts=attempts, seed=options.seed)
    if one is None:
        notes.append("univariate singling out: too few synthetic rows have a value of their own")
    if many is None:
        notes.append("multivariate singling out: too few synthetic rows have a combination of their own")
    return Privacy(
        copies=count_copies(tables, measured.closest),
        distances=measured.distances,
        membership=_membership(tables, space, options, notes),
        singling_out=one,
        singling_out_multivariate=many,
        linkability=_linkability(tables, space, options, notes),
        inference=_inference(tables, space, options, notes),
        ledger=_ledger(tables),
        notes=notes,
    )


def _distances(tables: Tables, space: Space, options: Options, notes: list[str]) -> Measured:
    rows = _queries(tables.real.rows, options)
    queries = tables.synthetic.sample(rows, options.seed)
    if queries.rows < tables.synthetic.rows:
        notes.append(
            f"distances are those of {queries.rows:,} synthetic rows drawn at random, to all real ones"
        )
    return measure_distances(
        space.points(queries, mismatch=2.0),
        space.points(tables.real, mismatch=2.0),
        space.points(tables.holdout, mismatch=2.0) if tables.holdout else None,
        rows=rows,
        seed=options.seed,
        threads=options.threads,
    )


def _membership(tables: Tables, space: Space, options: Options, notes: list[str]) -> Membership | None:
    if tables.holdout is None:
        return None
    found = measure_membership(
        space.points(tables.synthetic, mismatch=2.0),
        space.points(tables.real, mismatch=2.0),
        space.points(tables.holdout, mismatch=2.0),
        rows=_queries(tables.synthetic.rows, options),
        seed=options.seed,
        threads=options.threads,
    )
    if found is None:
        notes.append("membership: too few rows are in one of train and holdout but not in the other")
    return found


def _linkability(tables: Tables, space: Space, options: Options, notes: list[str]) -> Attack | None:
    if len(space.axes) < 2:
        notes.append("linkability needs two columns or more")
        return None
    real, holdout = _attacked(tables, options)
    return measure_linkability(
        space,
        Targets.of(space.points(tables.synthetic, mismatch=1.0)),
        Targets.of(space.points(real, mismatch=1.0)),
        Targets.of(space.points(holdout, mismatch=1.0)) if holdout else None,
    )


def _inference(tables: Tables, space: Space, options: Options, notes: list[str]) -> list[Attack]:
    secrets = choose_secrets(tables, options.target)
    if len(space.axes) < 2 or not secrets:
        notes.append("attribute inference needs two columns or more, and one that varies")
        return []
    return measure_inference(space, secrets, tables.synthetic, _attacked(tables, options), seed=options.seed)


def _attacked(tables: Tables, options: Options) -> tuple[Table, Table | None]:
    """The rows that attacks are tried on."""
    rows = _attempts(tables)
    holdout = tables.holdout.sample(rows, options.seed + 1) if tables.holdout else None
    return tables.real.sample(rows, options.seed), holdout


def _queries(reference: int, options: Options) -> int:
    return max(_FEWEST_ROWS, min(options.max_rows, _PAIRS // reference))


def _attempts(tables: Tables) -> int:
    least, most = _ATTEMPTS
    return max(least, min(most, _ATTACKED_PAIRS // tables.synthetic.rows))


def _ledger(tables: Tables) -> list[LedgerEntry]:
    """Evaluation reads real rows as they are, so what it says is covered by no claim."""
    mechanism = "exact figures of a report, without noise"
    return [
        LedgerEntry(step=f"evaluation of the {table.name} table", mechanism=mechanism, rows=table.rows)
        for table in (tables.real, tables.holdout)
        if table is not None
    ]
