"""The command line: `python -m pinnsven list`, `run NAME`, `check`."""

import argparse
import json
import platform
import re
import sys
import time
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np

import pinnsven as ps
from pinnsven import problems
from pinnsven.report import profile


_PACKAGES = ("pinnsven", "jax", "jaxlib", "equinox", "optax", "diffrax", "numpy")
_SELF_TEST_BOUND = 1e-8


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status: 0 is success, 2 a wrong call.

    `run` returns 1 if the run failed short of its aim, or its files cannot be written;
    `check` returns 1 if this installation cannot be relied on.
    """
    options = _parser().parse_args(argv)
    try:
        return options.command(options)
    except (ps.UnknownNameError, ps.BoundsError) as err:
        print(f"pinnsven: {err}", file=sys.stderr)
        return 2
    except (ps.PinnsvenError, OSError) as err:
        print(f"pinnsven: {err}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m pinnsven", description=ps.__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    add = commands.add_parser("list", help="name the benchmark problems")
    add.set_defaults(command=_list)

    add = commands.add_parser("run", help="solve a benchmark problem and judge it")
    add.set_defaults(command=_run)
    add.add_argument("name", metavar="NAME", help="one of those that `list` shows")
    add.add_argument("--seed", type=_whole, default=0, help="of network and points")
    add.add_argument("--steps", type=int, help="stop after so many steps")
    add.add_argument("--seconds", type=float, help="stop after so many seconds")
    add.add_argument(
        "--cpu-seconds",
        type=_positive,
        help="stop after so many seconds of process CPU time, and note when the aim "
        "was met on the way; problems in windows of time run to their end",
    )
    add.add_argument("--out", type=Path, help="folder for the picture and the solution")
    add.add_argument("--json", action="store_true", help="end with one line of JSON")
    add.add_argument(
        "--profile", action="store_true", help="only show where the time of a step goes"
    )

    add = commands.add_parser("check", help="show the set-up and solve a tiny problem")
    add.set_defaults(command=_check)
    add.add_argument("--json", action="store_true", help="end with one line of JSON")
    return parser


def _whole(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 up")
    return int(text)


def _positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not number > 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive number")
    return number


def _list(options: argparse.Namespace) -> int:
    del options
    width = max(map(len, problems.names()))
    for name in problems.names():
        case = problems.get(name)
        target, gap = case.target, " " * width
        print(f"{name:{width}} {case.summary}")
        print(
            f"{gap} aim: {target.figure} <= {target.bound:g} in {target.seconds:g} "
            f"CPU s; published: {case.published}"
        )
    return 0


def _run(options: argparse.Namespace) -> int:
    case = problems.get(options.name)
    ps.enable_x64()
    if options.profile:
        return _profile(case, options.seed)
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
    print(f"{case.name}, seed {options.seed}: {case.summary}", flush=True)
    limits: dict[str, Any] = {"steps": options.steps, "seconds": options.seconds}
    watch = _watch(case, options)
    if watch is not None:
        limits["callbacks"] = [watch]
    solutions = list(case.stages(options.seed, **limits))
    # The reference and the picture are no part of what is measured.
    cpu_seconds = time.process_time() if watch is None else watch.clock()
    memory = _peak_memory()
    solution = solutions[-1]
    print(solution)
    errors = case.errors(solution)
    target, met = case.target, case.met(errors)
    for name, value in errors.items():
        print(f"{name} = {value:.3e}")
    reached = cpu_seconds if watch is None else watch.reached or cpu_seconds
    after = "" if watch is None else f", first after {reached:.0f} CPU s"
    verdict = f"met{after}" if met else "not met"
    print(f"aim: {target.figure} <= {target.bound:g}: {verdict}")
    if options.out is not None:
        _save(case, solution, options.out)
    if options.json:
        record = {
            "problem": case.name,
            "seed": options.seed,
            "error": errors[target.figure],
            "errors": errors,
            "bound": target.bound,
            "met": met,
            "result": solution.result.name,
            "steps": sum(s.steps for s in solutions),
            "cpu_seconds": round(cpu_seconds, 2),
            "aim_seconds": round(reached, 2) if met else None,
            "step_seconds": round(sum(s.seconds for s in solutions), 2),
            "peak_memory_mb": memory,
            "versions": _versions(),
        }
        print(json.dumps(record))
    return 0 if met or not solution.result.is_failure else 1


def _watch(
    case: problems.Benchmark, options: argparse.Namespace
) -> problems.Watch | None:
    """What stops a run by its CPU seconds, where that is asked for and possible."""
    if options.cpu_seconds is None or case.march is not None:
        return None
    return problems.Watch(case, options.seed, options.cpu_seconds)


def _profile(case: problems.Benchmark, seed: int) -> int:
    problem, model = case.build(seed)
    bound = problem.bind(model)
    residuals = bound.residuals(jr.key(2 * seed + 1))
    timings = profile(residuals, bound.theta, ps.Sven())
    print(f"{case.name}: {sum(residuals.sizes)} rows, {bound.theta.size} weights")
    print(f"{'part':10}{'ms':>10}{'GFLOP':>10}{'GFLOP/s':>10}{'of peak':>10}")
    peak = timings[-1].rate
    for part in timings:
        line = f"{part.part:10}{1e3 * part.seconds:10.2f}"
        if part.rate is not None and peak is not None:
            share = f"{part.rate / peak:.0%}"
            line += f"{part.gflop:10.3f}{part.rate:10.1f}{share:>10}"
        print(line)
    return 0


def _save(
    case: problems.Benchmark, solution: ps.Solution | ps.Windows, folder: Path
) -> None:
    # Windows are a folder of files.
    ending = "" if isinstance(solution, ps.Windows) else ".npz"
    picture, archive = folder / f"{case.name}.png", folder / f"{case.name}{ending}"
    solution.plot(picture, reference=case.reference)
    solution.save(archive)
    print(f"wrote {picture} and {archive}")


def _peak_memory() -> float | None:
    try:
        import resource
    except ImportError:  # not on Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Bytes on macOS, kibibytes elsewhere.
    return round(peak / 2 ** (20 if sys.platform == "darwin" else 10), 1)


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "missing"
    return found


def _excluded() -> list[str]:
    """The jax versions that this package refuses, as its own metadata state them."""
    lines = [line for line in requires("pinnsven") or () if re.match(r"jax\b", line)]
    return sorted({v for line in lines for v in re.findall(r"!=\s*([\w.]+)", line)})


def _check(options: argparse.Namespace) -> int:
    ps.enable_x64()
    versions, excluded = _versions(), _excluded()
    for package, found in versions.items():
        print(f"{package:10} {found}")
    devices = [f"{d.platform}:{d.id} {d.device_kind}" for d in jax.devices()]
    print(f"devices    {', '.join(devices)}")
    precision = str(jnp.zeros(()).dtype)
    print(f"precision  {precision}")
    bad_jax = versions["jax"] in excluded
    if bad_jax:
        print(
            f"jax {versions['jax']} is EXCLUDED: code that it compiles for the CPU "
            "returns wrong numbers. Install another version."
        )
    solution, error, seconds = _self_test()
    ok = error <= _SELF_TEST_BOUND and not bad_jax
    print(
        f"self-test  u' = -u: largest error {error:.1e} after {solution.steps} steps "
        f"({_SELF_TEST_BOUND:g} is allowed), {seconds:.1f} s with compilation"
    )
    print("All is well." if ok else "This installation cannot be relied on.")
    if options.json:
        record: dict[str, Any] = {
            "ok": ok,
            "versions": versions,
            "excluded_jax": excluded,
            "jax_is_excluded": bad_jax,
            "devices": devices,
            "precision": precision,
            "self_test": {
                "error": error,
                "steps": solution.steps,
                "result": solution.result.name,
                "seconds": round(seconds, 2),
            },
        }
        print(json.dumps(record))
    return 0 if ok else 1


def _self_test() -> tuple[ps.Solution, float, float]:
    """Solve u' = -u, u(0) = 1 and compare with exp(-t)."""
    began = time.perf_counter()
    domain = ps.Box(t=(0, 1))
    problem = ps.Problem(
        ode=ps.Residual(
            lambda u, t: u.t(t) + u(t), domain.points(16, ps.GaussLegendre())
        ),
        start=ps.Dirichlet("u", 1.0, domain.at(t=0).points(1)),
    )
    model = ps.Model(ps.MLP(domain, "u", width=16, depth=1, key=jr.key(0)))
    solution = ps.solve(problem, model, key=jr.key(1), steps=200, progress=False)
    t = np.linspace(0.0, 1.0, 101)
    error = ps.max_error(np.asarray(solution.u(t=t)), np.exp(-t))
    return solution, error, time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(main())
