"""CPU utilisation, a proxy for heat on boards without a power sensor."""

import os
import time


class CpuLoad:
    """CPU time of this process, all threads, over that of the CPUs that it may run on.

    The kernel counts it by the microsecond, so it holds for windows of milliseconds, where the
    machine's own load, counted in ticks of 4 or 10 ms, does not. Other processes are not in it.
    """

    def __init__(self) -> None:
        self._cpus = len(os.sched_getaffinity(0))
        self._start_s = time.process_time()

    def share_over(self, duration_s: float) -> float:
        """The share since the beginning, 0..1.

        Args:
            duration_s: Time since then.
        """
        return min((time.process_time() - self._start_s) / (duration_s * self._cpus), 1.0)
