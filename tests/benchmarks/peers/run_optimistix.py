"""optimistix: Levenberg and Marquardt's method on the residuals.

Its page on the choice of a solver recommends `LevenbergMarquardt` (or `Dogleg`) for
most least-squares problems: https://docs.kidger.site/optimistix/how-to-choose/. The
tolerances are zero, so that only the time ends a run. Rows are fewer than weights, so
that the Jacobian is taken in reverse mode, an option of the solver.
"""

import optimistix as optx
from common import start
from with_jax import drive, first, residuals, terms


def main() -> None:
    given, recorder = start("optimistix", "optimistix")
    rows = residuals(terms(recorder, given.problem, given.seed))
    solver = optx.LevenbergMarquardt(rtol=0.0, atol=0.0)
    drive(solver, rows, first(recorder, given.seed), recorder, {"jac": "bwd"})


if __name__ == "__main__":
    main()
