"""Fixtures of the tests of inference."""

from collections.abc import Sequence
from importlib.util import find_spec

import pytest

from tvfs_gym.envs.inference.runtime import RUNTIMES


@pytest.fixture(scope="session")
def both_runtimes() -> Sequence[str]:
    """The packages of both runtimes, which one environment has in ``make test-tflite-runtime``."""
    if any(find_spec(module.split(".")[0]) is None for module in RUNTIMES.values()):
        pytest.skip("one runtime alone is installed; make test-tflite-runtime has both")
    return tuple(RUNTIMES)
