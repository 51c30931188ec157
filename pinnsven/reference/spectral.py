"""Periodic evolution equations by Fourier modes, to rounding where they are smooth."""

import dataclasses
from collections.abc import Callable

import numpy as np
from jaxtyping import ArrayLike, Complex, Float, Shaped


# Starts are sampled on so fine a grid that a kink in one does not alias into its modes.
_FINE = 2**18


@dataclasses.dataclass(frozen=True)
class PeriodicEquation:
    r"""$u_t = L u + \partial_x^m f(u)$, periodic in $x$, from $u(x, 0)$.

    - `bounds`: one period of $x$.
    - `start`: $u(x, 0)$ as a function of arrays.
    - `linear`: $L$ as a function of the symbol $D = ik$ of $\partial_x$.
    - `nonlinear`, `derivative`: $f$ as a function of arrays, and $m$.
    - `modes`: grid points in one period; the upper third of the modes stays zero,
      against aliasing.
    - `dt`: the longest time step.
    """

    bounds: tuple[float, float]
    start: Callable[[np.ndarray], np.ndarray]
    linear: Callable[[np.ndarray], np.ndarray]
    nonlinear: Callable[[np.ndarray], np.ndarray]
    derivative: int
    modes: int
    dt: float

    def symbol(self) -> Complex[np.ndarray, " k"]:
        """$D = ik$ of all modes from zero up."""
        low, high = self.bounds
        return 2j * np.pi / (high - low) * np.arange(self.modes // 2 + 1)

    def first(self) -> Complex[np.ndarray, " k"]:
        """The Fourier coefficients of the start."""
        low, high = self.bounds
        size = max(self.modes, _FINE)
        x = low + (high - low) * np.arange(size) / size
        start = np.fft.rfft(self.start(x), norm="forward")
        return self.smooth(start[: self.modes // 2 + 1])

    def smooth(self, v: Complex[np.ndarray, " k"]) -> Complex[np.ndarray, " k"]:
        """The same without the upper third of the modes."""
        return np.where(np.arange(v.size) < self.modes // 3, v, 0.0)

    def slope(self) -> Callable[[np.ndarray], np.ndarray]:
        """From the coefficients of $u$ to those of the nonlinear term."""
        factor = self.smooth(self.symbol() ** self.derivative)

        def slope(v):
            u = np.fft.irfft(v, self.modes, norm="forward")
            return factor * np.fft.rfft(self.nonlinear(u), norm="forward")

        return slope


def periodic_solution(
    equation: PeriodicEquation,
    x: Shaped[ArrayLike, "..."],
    t: Shaped[ArrayLike, "..."],
) -> Float[np.ndarray, "..."]:
    """The solution of a periodic equation, by fourth-order exponential time steps.

    The steps end on the times that are asked for, and the Fourier series is summed at
    the places that are asked for, so that nothing is interpolated. The cost is that of
    all different places times all different times.

    **Arguments:**

    - `equation`: with its resolution.
    - `x`, `t`: where to evaluate; they are broadcast against each other. `t` must not
      be negative.

    **Returns:**

    The values, a float64 NumPy array of the broadcast shape.

    **Raises:** `ValueError` if a time is negative.

    **Reference:** S. M. Cox and P. C. Matthews, J. Comput. Phys. 176 (2002) 430; A.-K.
    Kassam and L. N. Trefethen, SIAM J. Sci. Comput. 26 (2005) 1214.
    """
    x, t = np.broadcast_arrays(np.asarray(x, np.float64), np.asarray(t, np.float64))
    if not np.all(t >= 0):
        raise ValueError(f"`t` goes down to {np.min(t)}; times must be at least 0.")
    places, place = np.unique(x, return_inverse=True)
    times, time = np.unique(t, return_inverse=True)
    states = evolve(equation, times)
    k, v = equation.symbol(), states.T.copy()
    kept = np.flatnonzero(np.any(v != 0, axis=1))
    # The modes below zero are the complex conjugates of those above.
    v[1:] *= 2
    values = np.empty((places.size, times.size))
    rows = max(1, 2**22 // k.size)
    for start in range(0, places.size, rows):
        part = slice(start, start + rows)
        waves = np.exp(np.outer(places[part] - equation.bounds[0], k[kept]))
        values[part] = np.real(waves @ v[kept])
    # A series converges slowly at a kink, which only the start can have.
    values[:, times == 0] = equation.start(places)[:, None]
    # An index of no axes gives a bare number.
    return np.asarray(values[place.reshape(x.shape), time.reshape(x.shape)])


def evolve(
    equation: PeriodicEquation, times: Float[np.ndarray, " times"]
) -> Complex[np.ndarray, "times k"]:
    """The Fourier coefficients at increasing times."""
    symbol, slope = equation.linear(equation.symbol()), equation.slope()
    v, now, steps, states = equation.first(), 0.0, {}, []
    for time in times:
        count = int(np.ceil((time - now) / equation.dt * (1 - 1e-9)))
        if count:
            h = (time - now) / count
            # Equal steps differ by rounding only, and share their weights.
            name = f"{h:.12e}"
            if name not in steps:
                steps[name] = _weights(h, symbol)
            for _ in range(count):
                v = _step(slope, v, steps[name])
            now = time
        states.append(v)
    return np.array(states).reshape(len(states), symbol.size)


def _weights(h, symbol):
    """The weights of one step of length `h`, by means over circles around each `h L`.

    Their formulas cancel near `h L = 0`; on a circle of radius 1 they do not.
    """
    circle = np.exp(2j * np.pi * (np.arange(32) + 0.5) / 32)
    z = h * symbol[:, None] + circle
    e = np.exp(z)
    mean = lambda values: h * np.mean(values, axis=1)
    return (
        np.exp(h * symbol),
        np.exp(h * symbol / 2),
        mean((np.exp(z / 2) - 1) / z),
        mean((-4 - z + e * (4 - 3 * z + z**2)) / z**3),
        mean((2 + z + e * (z - 2)) / z**3),
        mean((-4 - 3 * z - z**2 + e * (4 - z)) / z**3),
    )


def _step(slope, v, weights):
    whole, half, q, first, middle, last = weights
    slope_v = slope(v)
    a = half * v + q * slope_v
    slope_a = slope(a)
    slope_b = slope(half * v + q * slope_a)
    slope_c = slope(half * a + q * (2 * slope_b - slope_v))
    ends = first * slope_v + last * slope_c
    return whole * v + ends + 2 * middle * (slope_a + slope_b)
