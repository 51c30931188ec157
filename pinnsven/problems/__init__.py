"""The registered benchmark problems, each with its network, reference and figure."""

from .._errors import UnknownNameError, listing
from . import (
    allen_cahn,
    burgers,
    burgers_smooth,
    cavity,
    convection,
    heat,
    heat_4d,
    helmholtz,
    inverse_burgers,
    inverse_heat,
    kdv,
    kovasznay,
    kuramoto_sivashinsky,
    lynx_hare,
    poisson,
    poisson_5d,
    poisson_10d,
    poisson_100d,
    poisson_peers,
    reaction,
    wave,
)
from ._benchmark import Benchmark as Benchmark, Target as Target
from ._watch import Watch as Watch


_REGISTRY = {
    module.benchmark.name: module.benchmark
    for module in (
        poisson,
        heat,
        inverse_heat,
        burgers,
        lynx_hare,
        poisson_peers,
        poisson_5d,
        poisson_10d,
        poisson_100d,
        heat_4d,
        burgers_smooth,
        allen_cahn,
        convection,
        reaction,
        wave,
        helmholtz,
        kdv,
        kuramoto_sivashinsky,
        kovasznay,
        cavity,
        inverse_burgers,
    )
}


def names() -> tuple[str, ...]:
    """The names of all registered problems."""
    return tuple(_REGISTRY)


def get(name: str) -> Benchmark:
    """The registered problem of this name.

    **Raises:** `UnknownNameError`, listing the names that exist.
    """
    if name not in _REGISTRY:
        raise UnknownNameError(
            f"There is no problem {name!r}; there are {listing(_REGISTRY)}."
        )
    return _REGISTRY[name]
