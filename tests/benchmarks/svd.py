"""Compare the algorithms for a singular value decomposition that a device offers.

python tests/benchmarks/svd.py 257 921

Decomposes triangles of these sizes with singular values from 1 to 1e-18. One line for
each algorithm: wall milliseconds, the largest error of a singular value, and how far
the columns of U and of V are from orthonormal. Algorithms that the device lacks are
left out.
"""

import argparse
import time

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax.lax.linalg import SvdAlgorithm, svd

import pinnsven as ps


ps.enable_x64()


def triangle(q: int):
    """A triangle as `SVD` decomposes it, and its singular values."""
    u, v = (jnp.linalg.qr(jr.normal(jr.key(i), (q, q)))[0] for i in range(2))
    s = 10.0 ** -jnp.linspace(0.0, 18.0, q)
    return jnp.linalg.qr((u * s) @ v.T)[1], s


def compare(q: int) -> None:
    a, exact = triangle(q)
    for algorithm in SvdAlgorithm:
        fn = jax.jit(lambda a, x=algorithm: svd(a, full_matrices=False, algorithm=x))
        try:
            u, s, vt = jax.block_until_ready(fn(a))
        except NotImplementedError:
            continue
        seconds = []
        for _ in range(4):
            began = time.perf_counter()
            jax.block_until_ready(fn(a))
            seconds.append(time.perf_counter() - began)
        off = [
            np.linalg.norm(np.asarray(x) - np.eye(q), 2) for x in (u.T @ u, vt @ vt.T)
        ]
        print(
            f"{q} {algorithm.name:20} {1e3 * min(seconds):8.1f} ms, singular values "
            f"{np.max(np.abs(s - exact)):.1e}, U {off[0]:.1e}, V {off[1]:.1e}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare algorithms for an SVD.")
    parser.add_argument("sizes", nargs="+", type=int)
    for q in parser.parse_args().sizes:
        compare(q)


if __name__ == "__main__":
    main()
