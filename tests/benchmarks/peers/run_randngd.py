"""randngd: natural gradient with Nystrom-preconditioned conjugate gradients.

The set-up of its own page, https://pypi.org/project/randngd/: `NystromNGD` of a
Gauss-Newton metric with a Gaussian sketch of at most 500 columns, and `ngd_solver`
with its backtracking line search. An unknown coefficient is one more parameter. Of the
sizes of the sketch every hundredth is compiled in place of every twentieth (an option,
`ell_round`): with 25 of them the first step is done after 50 s, with five after 20 s.
"""

import randngd
from common import start
from with_jax import drive, first, loss, terms


def main() -> None:
    given, recorder = start("randngd", "randngd")
    pairs, params = (
        terms(recorder, given.problem, given.seed),
        first(recorder, given.seed),
    )
    metric = randngd.metrics.gauss_newton(pairs, params)
    options = {"kind": "gaussian", "ell_max": 500, "ell_round": 100}
    sketched = randngd.NystromNGD(metric, key=given.seed, **options)
    whole = loss(pairs)
    # Its metric is that of half the mean squares.
    half = lambda params: whole(params) / 2
    drive(randngd.ngd_solver(sketched), half, params, recorder, {})


if __name__ == "__main__":
    main()
