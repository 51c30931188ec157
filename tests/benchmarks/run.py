"""Measure benchmark problems: a line of JSON for each seed, and one table at the end.

python tests/benchmarks/run.py poisson --seeds 5

Each seed runs in a process of its own, so that its CPU seconds (start-up and
compilation included) and its peak memory (its errors included) are its own, on one
thread. It is stopped after twice the time that its aim allows, see `--times`, except in
windows of time. The lines are those of `python -m pinnsven run NAME --json`; the table
has the worst of the seeds. The status is 0 if every seed met its aim, in error and in
time.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from pinnsven import problems


ONE_THREAD = {
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}


def measure(name: str, seed: int, options: list[str]) -> dict:
    command = [sys.executable, "-m", "pinnsven", "run", name, "--json"]
    done = subprocess.run(
        [*command, "--seed", str(seed), *options],
        env={**os.environ, **ONE_THREAD},
        stdout=subprocess.PIPE,
        text=True,
    )
    # Status 1 is a run that stalled: its figures count all the same.
    if done.returncode not in (0, 1) or not done.stdout.rstrip().endswith("}"):
        sys.exit(f"{name}, seed {seed} failed with status {done.returncode}.")
    return json.loads(done.stdout.rstrip().splitlines()[-1])


HEAD = ("problem", "error", "aim", "aim met after CPU s", "limit", "CPU s", "verdict")


def row(name: str, records: list[dict]) -> tuple[str, ...]:
    """A line of the table: the worst of all seeds beside what was aimed at."""
    target = problems.get(name).target
    met = [record for record in records if record["met"]]
    times = [record["aim_seconds"] for record in met]
    in_time = sum(seconds <= target.seconds for seconds in times)
    count = len(records)
    partly = f"met by {len(met)} of {count}, {in_time} in time"
    return (
        name,
        f"{max(record['error'] for record in records):.1e}",
        f"{target.bound:g}",
        ", ".join(f"{seconds:.0f}" for seconds in times) or "-",
        f"{target.seconds:g}",
        f"{max(record['cpu_seconds'] for record in records):.0f}",
        "met" if in_time == count else partly,
    )


def table(rows: list[tuple[str, ...]]) -> str:
    """The rows as markdown, in columns that line up in a terminal too."""
    rows = [HEAD, *rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [f"| {' | '.join(map(str.ljust, cells, widths))} |" for cells in rows]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure benchmark problems.")
    parser.add_argument("names", nargs="*", help="all problems if none is named")
    parser.add_argument("--seeds", type=int, default=1, help="run seeds 0 to SEEDS - 1")
    parser.add_argument("--first", type=int, default=0, help="begin with this seed")
    parser.add_argument("--steps", help="stop after so many steps")
    parser.add_argument("--seconds", help="stop after so many seconds of steps")
    parser.add_argument(
        "--times", type=float, default=2.0, help="stop after so many times the limit"
    )
    parser.add_argument("--table", type=Path, help="write the table to this file")
    given = parser.parse_args()
    options = []
    for flag in ("steps", "seconds"):
        if getattr(given, flag) is not None:
            options += [f"--{flag}", getattr(given, flag)]
    all_met, rows = True, []
    for name in given.names or problems.names():
        limit, records = problems.get(name).target.seconds, []
        until = ["--cpu-seconds", str(given.times * limit)]
        for seed in range(given.first, given.first + given.seeds):
            record = measure(name, seed, options + until)
            all_met &= record["met"] and record["aim_seconds"] <= limit
            print(json.dumps(record), flush=True)
            records.append(record)
        rows.append(row(name, records))
        if given.table is not None:
            # After each problem, so that a long run that is cut off leaves what it has.
            given.table.write_text(table(rows), encoding="utf-8")
    print(table(rows), end="")
    return 0 if all_met else 1


if __name__ == "__main__":
    sys.exit(main())
