"""Cost of importing, compiling and holding the environment, each in its own process."""

import os
import subprocess
import sys
from tempfile import TemporaryDirectory

from tvfs_gym.experiments.results.tables import markdown_table

IMPORT = """
import sys, time
start = time.perf_counter()
import tvfs_gym
print(time.perf_counter() - start)
print(any(name in sys.modules for name in ("torch", "numba")))
"""

FIRST_STEP = """
import time, gymnasium, tvfs_gym
start = time.perf_counter()
env = gymnasium.make("tvfs_gym/OdroidXU4-v1")
env.reset(seed=0)
env.step(0)
print(time.perf_counter() - start)
"""

MEMORY = """
import gymnasium, numpy, psutil, tvfs_gym
def batch(count):
    env = gymnasium.make_vec("tvfs_gym/OdroidXU4-v1", count)
    env.reset(seed=0)
    env.step(numpy.zeros(count, int))
    return env, psutil.Process().memory_info().rss
one, before = batch(1)
many, after = batch(32_768)
print((after - before) / 2**20)
"""


def section() -> str:
    """The section of the performance page."""
    import_s, heavy = _run(IMPORT)
    with TemporaryDirectory() as cache:
        compiled_s, cached_s = (_run(FIRST_STEP, NUMBA_CACHE_DIR=cache)[0] for _ in range(2))
    rows = [
        ["`import tvfs_gym`", f"{float(import_s):.2f} s"],
        ["numba or torch imported by it", {"True": "yes", "False": "no"}[heavy]],
        ["first environment and step, compiled anew", f"{float(compiled_s):.1f} s"],
        ["the same from the cache on disk", f"{float(cached_s):.1f} s"],
        ["memory of 32,768 environments", f"{float(_run(MEMORY)[0]):.0f} MiB"],
    ]
    return f"{markdown_table(['', 'wall time or size'], rows)}\n\nEach in a process of its own."


def _run(code: str, **environment: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()
