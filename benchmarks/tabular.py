"""Tabular generators on public tables, beside peers on the same machine and beside published figures.

    .venv/bin/python benchmarks/tabular.py [--quick] [--seeds N] [--sets NAME ...] [--generators KIND ...]
        [--peers NAME ...] [--to-quality-of PEER] [--output FOLDER] [--resume]

Writes `runs.jsonl` (each run as it ends), `results.json` and `results.md`. A generator is `KIND` or
`KIND:{"option": value}`. Sets that are not there are left out with a note. `--quick`: the first 1,000 rows,
one seed, short fits; to see that it works. `benchmarks/tabular_compare.py` compares two results.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from environment import ROOT, describe_machine
from tabular_contestants import Contestant, Outcome, enter, ours, peers
from tabular_quality import LIMITS, seconds_to_quality
from tabular_scores import score, score_holdout, score_privacy
from tabular_sets import NAMES, BenchmarkSet, read_set
from tabular_tables import CEILING, Run, to_markdown

QUICK_ROWS = 1000
QUICK_SECONDS = 4.0
QUICK_SETS = ("adult", "flights")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be run."""

    contestants: list[Contestant]
    seeds: int
    privacy_seeds: int
    rate_rows: int
    threads: int
    quality_of: str | None
    limits: tuple[float, ...]
    """Seconds of the fits that try to reach that quality."""


def main() -> None:
    """Run what was asked for, and write it down."""
    asked = _parse()
    asked.output.mkdir(parents=True, exist_ok=True)
    journal = asked.output / "runs.jsonl"
    done = _read_journal(journal) if asked.resume else []
    if not asked.resume:
        journal.unlink(missing_ok=True)
    plan = _plan(asked)
    for data in _sets(asked):
        for run in _runs(data, plan, done):
            done.append(run)
            with journal.open("a", encoding="utf-8") as file:
                file.write(json.dumps(run) + "\n")
            _say(f"{run['set']}, {run['contestant']}, seed {run['seed']}: {_brief(run)}")
    settings = {"quick": asked.quick, "seeds": plan.seeds, "threads": plan.threads}
    results = {"machine": describe_machine(), **settings, "runs": done}
    (asked.output / "results.json").write_text(json.dumps(results, indent=1), encoding="utf-8")
    text = to_markdown(done)
    (asked.output / "results.md").write_text(text + "\n", encoding="utf-8")
    print(text)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sets", nargs="+", choices=NAMES, default=None)
    parser.add_argument("--generators", nargs="*", default=["tabular.auto"], metavar="KIND")
    parser.add_argument("--peers", nargs="*", choices=sorted(peers(quick=False)), default=[])
    parser.add_argument("--seeds", type=int, default=1, help="models fitted of each; five for figures")
    parser.add_argument("--privacy-seeds", type=int, default=1, help="of them by the 50/50 protocol too")
    parser.add_argument("--rate-rows", type=int, default=100_000, help="rows drawn to measure the rate")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--to-quality-of", choices=sorted(peers(quick=False)), default=None)
    parser.add_argument("--quick", action="store_true", help="small, to see that it works")
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "tabular")
    parser.add_argument("--resume", action="store_true", help="keep runs of an earlier call")
    return parser.parse_args()


def _plan(asked: argparse.Namespace) -> Plan:
    quick = bool(asked.quick)
    known = peers(quick=quick)
    contestants = [ours(spec, seconds=QUICK_SECONDS if quick else None) for spec in asked.generators]
    for name in asked.peers:
        if missing := known[name].missing:
            _say(f"{name} is left out: {missing}")
        else:
            contestants.append(known[name])
    return Plan(
        contestants=contestants,
        seeds=1 if quick else asked.seeds,
        privacy_seeds=min(asked.privacy_seeds, 1 if quick else asked.seeds),
        rate_rows=5000 if quick else asked.rate_rows,
        threads=asked.threads,
        quality_of=asked.to_quality_of,
        limits=LIMITS[:2] if quick else LIMITS,
    )


def _sets(asked: argparse.Namespace) -> Iterator[BenchmarkSet]:
    for name in asked.sets or (QUICK_SETS if asked.quick else NAMES):
        data = read_set(name)
        if isinstance(data, str):
            _say(f"{name} is left out: {data}")
        else:
            yield data.first_rows(QUICK_ROWS) if asked.quick else data


def _runs(data: BenchmarkSet, plan: Plan, done: list[Run]) -> Iterator[Run]:
    """All runs on a set but those that are done."""
    known = {(run["set"], run["contestant"], run["seed"]) for run in done}
    if (data.name, CEILING, 0) not in known:
        figures = score_holdout(data, seed=0, threads=plan.threads)
        yield {"set": data.name, "contestant": CEILING, "seed": 0, **figures}
    for seed in range(plan.seeds):  # all contestants in turns, so that a slower hour slows all alike
        for contestant in plan.contestants:
            if (data.name, contestant.name, seed) not in known:
                yield _run(contestant, data, seed, plan)
    yield from _quality(data, plan, done)


def _quality(data: BenchmarkSet, plan: Plan, done: list[Run]) -> Iterator[Run]:
    """Our fit time to the quality that the peer reached with the first seed."""
    name = f"to the quality of {plan.quality_of}"
    mine = [run for run in done if run["set"] == data.name and run["seed"] == 0 and not run.get("failure")]
    names = [run["contestant"] for run in mine]
    if plan.quality_of in names and name not in names:
        peer = mine[names.index(plan.quality_of)]
        found = seconds_to_quality(data, peer, plan.threads, plan.limits)
        yield {"set": data.name, "contestant": name, "seed": 0, **found}


def _run(contestant: Contestant, data: BenchmarkSet, seed: int, plan: Plan) -> Run:
    asked = {"seed": seed, "threads": plan.threads}
    run: dict[str, object] = {"set": data.name, "contestant": contestant.name, "seed": seed}
    made = enter(contestant, data, rate_rows=plan.rate_rows, **asked)
    if made.rows is None:
        return {**run, "failure": made.failure}
    run |= {**made.report, **score(data, made.rows, **asked)}
    if seed < plan.privacy_seeds:
        run |= _privacy(contestant, data.halved(seed), asked)
    return run


def _privacy(contestant: Contestant, halves: BenchmarkSet, asked: dict[str, int]) -> dict[str, object]:
    made: Outcome = enter(replace(contestant, rate_rows=0), halves, rate_rows=0, **asked)
    if made.rows is None:
        return {"privacy_failure": made.failure}
    return dict(score_privacy(halves, made.rows, **asked))


def _read_journal(path: Path) -> list[Run]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


def _brief(run: Run) -> str:
    if run.get("failure"):
        return str(run["failure"])
    named = ("fit_seconds", "rows_per_second", "c2st_train", "c2st_holdout", "trend", "tstr", "dcr_share")
    return ", ".join(f"{name} {value:.4g}" for name in named if isinstance(value := run.get(name), float))


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
