"""Measure the networks of docs/networks.md on problems with a closed form.

python tests/benchmarks/networks.py periodic --seed 0

Prints one line for each network: its name, its trained weights, the relative L2 error,
the result of the run, its steps and the CPU seconds of the process, which include
compilation. Run it on one thread, as the page says.
"""

import argparse
import time

import jax.numpy as jnp
import jax.random as jr
import numpy as np

import pinnsven as ps
from pinnsven import problems


ps.enable_x64()


def keys(seed):
    return jr.key(3 * seed), jr.key(3 * seed + 1), jr.key(3 * seed + 2)


def periodic(seed):
    """u_t + u_x = 0 on a circle, from exp(sin(2 pi x)), for one turn."""
    domain = ps.Box(x=(0, 1), t=(0, 1))
    exact = lambda x, t: jnp.exp(jnp.sin(2 * jnp.pi * (x - t)))
    soft = {
        "pde": ps.Residual(lambda u, x, t: u.t(x, t) + u.x(x, t), domain.points(400)),
        "start": ps.Dirichlet("u", lambda x: exact(x, 0.0), domain.at(t=0).points(50)),
    }
    closed = {"ring": ps.Periodic("u", domain.boundary("x").points(50), order=0)}
    key, _, _ = keys(seed)
    size = {"width": 12, "depth": 2, "key": key}
    embedded = lambda k: ps.MLP(
        domain, "u", embedding=ps.PeriodicEmbedding("x", harmonics=k), **size
    )
    yield (
        "MLP and Periodic",
        ps.Problem(**soft, **closed),
        ps.MLP(domain, "u", **size),
        exact,
    )
    for k in (1, 2, 4):
        yield f"MLP, {k} harmonics", ps.Problem(**soft), embedded(k), exact


def waves(seed):
    """-u'' = f with u = sin(12 pi x) + x on (0, 1)."""
    domain = ps.Box(x=(0, 1))
    a = 12 * jnp.pi
    exact = lambda x: jnp.sin(a * x) + x
    problem = ps.Problem(
        # By its own size, so that the boundary is not lost beside it.
        pde=ps.Residual(
            lambda u, x: u.xx(x) / a**2 + jnp.sin(a * x), domain.points(100)
        ),
        ends=ps.Dirichlet("u", exact, domain.boundary().points(2)),
    )
    yield from oscillating(domain, problem, exact, seed, {"width": 8, "depth": 2}, 3.0)


def helmholtz(seed):
    """u_xx + u_yy + k^2 u = f with u = sin(4 pi x) sin(3 pi y) on the unit square."""
    domain = ps.Box(x=(0, 1), y=(0, 1))
    exact = lambda x, y: jnp.sin(4 * jnp.pi * x) * jnp.sin(3 * jnp.pi * y)
    k2, size = 20.0, 25 * jnp.pi**2
    residual = lambda u, x, y: (
        (ps.laplacian(u)(x, y) + k2 * u(x, y)) / size + (1 - k2 / size) * exact(x, y)
    )
    problem = ps.Problem(
        pde=ps.Residual(residual, domain.points(400)),
        walls=ps.Dirichlet("u", 0.0, domain.boundary().points(80)),
    )
    yield from oscillating(domain, problem, exact, seed, {"width": 16, "depth": 2}, 1.0)


def oscillating(domain, problem, exact, seed, size, scale):
    key, other, _ = keys(seed)
    features = ps.FourierFeatures(6, scale, key=other)
    networks = {
        "MLP": ps.MLP(domain, "u", key=key, **size),
        f"MLP, Fourier scale {scale:g}": ps.MLP(
            domain, "u", key=key, embedding=features, **size
        ),
        "SIREN, omega_0 5": ps.SIREN(domain, "u", key=key, omega_0=5, **size),
        "SIREN, omega_0 15": ps.SIREN(domain, "u", key=key, omega_0=15, **size),
        "ModifiedMLP": ps.ModifiedMLP(domain, "u", key=key, **size),
        "RandomFeatures, sin": ps.RandomFeatures(
            domain, "u", count=150, scale=7.0 * scale, activation=jnp.sin, key=key
        ),
    }
    for name, network in networks.items():
        yield name, problem, network, exact


def five(seed):
    """Poisson's equation in five dimensions, a product and a ridge."""
    names = "vwxyz"
    domain = ps.Box(**{name: (0, 1) for name in names})
    product = lambda v, w, x, y, z: jnp.exp(0.5 * (v - w + x - y)) * jnp.sin(z + 0.5)
    ridge = lambda v, w, x, y, z: 1.0 / (1.0 + 0.5 * (v + w + x + y + z) ** 2 / 5)
    key, _, _ = keys(seed)
    for label, exact in {"product": product, "ridge": ridge}.items():
        source = ps.laplacian(ps.field(exact))

        def pde(u, v, w, x, y, z, source=source):
            return ps.laplacian(u)(v, w, x, y, z) - source(v, w, x, y, z)

        problem = ps.Problem(
            pde=ps.Residual(pde, domain.points(200)),
            walls=ps.Dirichlet("u", exact, domain.boundary().points(200)),
        )
        networks = {
            "MLP 12 x 2": ps.MLP(domain, "u", width=12, depth=2, key=key),
            "SeparableMLP rank 4": ps.SeparableMLP(
                domain, "u", rank=4, width=6, depth=1, key=key
            ),
            "SeparableMLP rank 8": ps.SeparableMLP(
                domain, "u", rank=8, width=6, depth=1, key=key
            ),
        }
        for name, network in networks.items():
            yield f"{label}: {name}", problem, network, exact


def sines(seed):
    """Registered problems with fixed random sines in place of their network."""
    key, _, _ = keys(seed)
    for name, count, scale in (
        ("poisson", 300, 4.0),
        ("heat", 300, 4.0),
        ("wave", 1000, 16.0),
    ):
        case = problems.get(name)
        problem, _ = case.build(seed)
        basis = ps.RandomFeatures(
            getattr(problems, name).DOMAIN,
            "u",
            count=count,
            scale=scale,
            activation=jnp.sin,
            key=key,
        )
        yield f"{name}: {count} of scale {scale:g}", problem, basis, case.reference


def main():
    cases = (periodic, waves, helmholtz, five, sines)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("case", choices=[case.__name__ for case in cases])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, help="stop after so many steps")
    parser.add_argument("--only", default="", help="networks with this in their name")
    given = parser.parse_args()
    case = {case.__name__: case for case in cases}[given.case]
    for name, problem, network, exact in case(given.seed):
        if given.only not in name:
            continue
        begin = time.process_time()
        solution = ps.solve(
            problem,
            ps.Model(network),
            key=keys(given.seed)[2],
            steps=given.steps,
            progress=False,
        )
        spent = time.process_time() - begin
        bounds = dict(zip(network.coordinates, network.bounds, strict=True))
        at = np.random.default_rng(0).uniform(size=(len(bounds), 5000))
        at = {
            k: a + (b - a) * s
            for (k, (a, b)), s in zip(bounds.items(), at, strict=True)
        }
        error = ps.relative_l2(solution.u(**at), exact(**at))
        print(
            f"{name:28} {problem.bind(solution.model).theta.size:5} {error:8.1e} "
            f"{solution.result.name:10} {solution.steps:5} {spent:6.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
