import atexit
import importlib.metadata
import os
import shutil
import tempfile

import jax
import jax.random as jr
import jaxtyping
import pytest
from packaging.version import Version


# One worker per core: threads of the linear algebra would only wait for each other.
# The workers inherit this before they load it.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# As `ps.solve` does: to compile takes longer here than the code runs.
QUICK = "--xla_backend_optimization_level=1"
# The process ends at a flag that it does not know, as later versions may not.
if Version(importlib.metadata.version("jaxlib")) < Version("0.11"):
    QUICK += " --xla_cpu_use_fusion_emitters=false"
os.environ["XLA_FLAGS"] = f"{QUICK} {os.environ.get('XLA_FLAGS', '')}"

jax.config.update("jax_enable_x64", True)


def _keep_compiled_code():
    """Compile equal programs once, here and in the processes that tests start.

    Each worker has a folder of its own: two must not write the same file.
    """
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    options = {
        "jax_compilation_cache_dir": folder,
        # To write a small program takes longer than to compile it.
        "jax_persistent_cache_min_compile_time_secs": 0.5,
        "jax_persistent_cache_min_entry_size_bytes": -1,
    }
    for name, value in options.items():
        jax.config.update(name, value)
        os.environ[name.upper()] = str(value)


_keep_compiled_code()


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
