import os

import jax
import jax.random as jr
import jaxtyping
import pytest


# One worker per core: threads of the linear algebra would only wait for each other.
# The workers inherit this before they load it.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

jax.config.update("jax_enable_x64", True)


@pytest.fixture(autouse=True, scope="module")
def _forget_compiled_code():
    # Each compiled function takes some of the 65,530 memory maps that Linux allows a
    # process; without any left the compiler aborts it.
    yield
    jax.clear_caches()


@pytest.fixture
def getkey(request):
    """Fresh keys, the same in every run of a test."""
    seed = sum(map(ord, request.node.nodeid))
    keys = iter(jr.split(jr.key(seed), 100))
    return lambda: next(keys)


@pytest.fixture
def unchecked_types():
    """Users run without the shape checks of the tests: they get our own messages."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)
