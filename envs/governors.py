"""Governors: what a person sets on the kernel before an episode, as on a real board in sysfs."""

from typing import Literal, get_args

from pydantic import Field

from tvfs_gym.envs.tables import Table

Cpufreq = Literal["userspace", "ondemand", "ondemand_ds3", "schedutil"]
Thermal = Literal["board", "step_wise", "step_wise_hysteresis", "power_allocator"]

CPUFREQ: tuple[str, ...] = get_args(Cpufreq)
THERMAL: tuple[str, ...] = get_args(Thermal)


class Governors(Table):
    """The kernel's governors, which a twin runs at their own rate, not at the step's.

    docs/governors.md says what each does, how often, and with which trips.

    Attributes:
        cpufreq: ``scaling_governor``. Under ``userspace`` the clock is the controller's VF level;
            under the others that is the highest clock they may choose (``scaling_max_freq``).
        thermal: ``policy`` of the thermal zone. ``board`` is the throttling preset of the
            scenario; another governor takes the place of its trips, on the board's own map with
            its last passive trip at T_max. Firmware throttles whatever the kernel does.
        sustainable_w: ``sustainable_power`` of the zone, W, for ``power_allocator``; None for the
            kernel's own estimate.
    """

    cpufreq: Cpufreq = "userspace"
    thermal: Thermal = "board"
    sustainable_w: float | None = Field(default=None, gt=0)
