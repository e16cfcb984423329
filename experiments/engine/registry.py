"""The engines by name."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psutil

from tvfs_gym.envs.errors import at_least, unknown
from tvfs_gym.experiments.engine.engine import Engine

DEFAULT_ENGINE = "processes"


@contextmanager
def open_engine(kind: str = DEFAULT_ENGINE, workers: int | None = None) -> Iterator[Engine]:
    """Opens an engine for a context, at whose end, or when it is interrupted, its workers end.

    Args:
        kind: One of `ENGINES`.
        workers: Trials that run at a time; None for as many as there is room for. A single one
            runs in the calling process, if the engine is ``processes``.

    Raises:
        InputError: There is no such engine, it is not installed, or it has no worker.
    """
    if kind not in ENGINES:
        raise unknown("engine", kind, ENGINES)
    if workers is not None:
        at_least("the number of workers", workers, 1)
    engine = ENGINES[kind](workers)
    try:
        yield engine
    except BaseException:
        engine.close(finished=False)
        raise
    engine.close(finished=True)


def _processes(workers: int | None) -> Engine:
    from tvfs_gym.experiments.engine.processes import InProcess, Processes

    count = workers or psutil.cpu_count() or 1
    return InProcess() if count == 1 else Processes(count)


def _ray(workers: int | None) -> Engine:
    from tvfs_gym.experiments.engine.ray_cluster import RayCluster

    return RayCluster(workers)


ENGINES: dict[str, Callable[[int | None], Engine]] = {DEFAULT_ENGINE: _processes, "ray": _ray}
"""The engines by name."""
