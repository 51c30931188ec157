"""Run the same problems with other packages, one after the other, and draw the errors.

python tests/benchmarks/compare.py poisson --environments DIR --out DIR

Every package lives in an environment of its own, `peers-NAME` under `--environments`,
which is made if it is missing from `peers/requirements/NAME.txt`; pinnsven runs in that
of this command. All have one thread and the same process CPU seconds. The lines of a
run are kept under `--out`, and a run that is there is not repeated. At the end stand
`peers.md`, a table, and `peers.png`, the error against the time.
"""

import argparse
import os
import subprocess
import sys
import venv
from pathlib import Path


HERE = Path(__file__).parent / "peers"
sys.path.insert(0, str(HERE))
import report  # noqa: E402
from common import CASES  # noqa: E402


ONE_THREAD = {
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
    "JAX_PLATFORMS": "cpu",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}
# The script of each curve, and what it is told besides the problem.
RUNS = {
    "pinnsven": ("pinnsven", []),
    "pinnsven-own": ("pinnsven", ["--own"]),
    "randngd": ("randngd", []),
    "jinns": ("jinns", []),
    "ssbroyden": ("ssbroyden", []),
    "deepxde": ("deepxde", []),
    "optimistix": ("optimistix", []),
}


def interpreter(package: str, environments: Path) -> Path:
    """The Python that has the package; its environment is made if it is missing."""
    if package == "pinnsven":
        return Path(sys.executable)
    home = environments / f"peers-{package}"
    python = home / "bin" / "python"
    # Written last, so that an environment that was cut off is completed.
    complete = home / "complete"
    if not complete.exists():
        venv.create(home, with_pip=True)
        needed = HERE / "requirements" / f"{package}.txt"
        subprocess.run([python, "-m", "pip", "install", "-q", "-r", needed], check=True)
        complete.touch()
    return python


def run(name: str, problem: str, seed: int, given: argparse.Namespace) -> None:
    """One package on one problem, unless its lines are there already."""
    package, flags = RUNS[name]
    kept = given.out / f"{problem}-{name}-{seed}-{given.seconds:g}.jsonl"
    if kept.exists():
        return
    python = interpreter(package, given.environments)
    command = [python, HERE / f"run_{package}.py", problem, *flags]
    command += ["--seconds", str(given.seconds), "--seed", str(seed)]
    environment = {**os.environ, **ONE_THREAD}
    if package != "pinnsven":
        environment.pop("PYTHONPATH", None)
    print(f"{problem}, seed {seed}: {name}", flush=True)
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        print(f"{name} failed with status {done.returncode}.", file=sys.stderr)
        return
    kept.write_text(done.stdout, encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description="Compare packages on one machine.")
    parser.add_argument("problems", nargs="+", choices=CASES)
    parser.add_argument("--packages", nargs="+", choices=RUNS, default=list(RUNS))
    parser.add_argument("--seconds", type=float, default=60.0, help="CPU s of each run")
    parser.add_argument("--seeds", type=int, default=1, help="run seeds 0 to SEEDS - 1")
    parser.add_argument("--environments", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    for seed in range(given.seeds):
        for problem in given.problems:
            for name in given.packages:
                run(name, problem, seed, given)
    # All that is there is shown, so that problems may be run in several calls.
    curves = report.read(sorted(given.out.glob("*.jsonl")))
    if not curves:
        return 1
    table = report.table(curves)
    (given.out / "peers.md").write_text(table, encoding="utf-8")
    report.draw(curves, given.out / "peers.png")
    print(table, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
