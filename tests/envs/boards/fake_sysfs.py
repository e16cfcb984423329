"""A folder that looks like the sysfs of a board, and a kernel that obeys cpufreq's measured rules.

The folder alone takes whatever is written, which is enough for what only sets and restores. The
kernel stands at the one place where the driver writes, and knows throttling, clamping and
rounding, as measured on Linux 6.12 with cpufreq-dt: an off-table speed becomes the next higher
entry, an off-table upper limit the next lower one; a speed above the cap is accepted, cut short,
and remembered; the upper limit shows the cap as well.
"""

import errno
import os
from pathlib import Path

import pytest

from tvfs_gym.envs.boards.linux import guardian

KHZ = (480000, 648000, 816000, 1008000, 1200000)
GOVERNORS = ("userspace", "performance", "schedutil")


def build(
    root: Path,
    *,
    governor: str = "schedutil",
    khz: tuple[int, ...] = KHZ,
    cpus: str = "0 1",
    governors: tuple[str, ...] = GOVERNORS,
    policy: str = "policy0",
) -> Path:
    """Makes the tree; returns the policy's folder."""
    folder = root / "devices/system/cpu/cpufreq" / policy
    files = {
        "scaling_driver": "cpufreq-dt",
        "scaling_governor": governor,
        "scaling_available_governors": " ".join(governors) + " ",
        "scaling_available_frequencies": " ".join(map(str, khz)) + " ",
        "scaling_setspeed": str(khz[-1]) if governor == "userspace" else "<unsupported>",
        "scaling_cur_freq": str(khz[-1]),
        "scaling_min_freq": str(khz[0]),
        "scaling_max_freq": str(khz[-1]),
        "cpuinfo_min_freq": str(khz[0]),
        "cpuinfo_max_freq": str(khz[-1]),
        "affected_cpus": cpus,
    }
    put(folder, files)
    zone = root / "class/thermal/thermal_zone0"
    put(
        zone,
        {
            "type": "cpu-thermal",
            "temp": "45000",
            "mode": "enabled",
            "policy": "step_wise",
            "trip_point_0_type": "passive",
            "trip_point_0_temp": "85000",
            "trip_point_1_type": "critical",
            "trip_point_1_temp": "100000",
        },
    )
    device = root / "class/thermal/cooling_device0"
    put(device, {"type": "cpufreq-cpu0", "cur_state": "0", "max_state": str(len(khz) - 1)})
    if not (zone / "cdev0").exists():
        (zone / "cdev0").symlink_to("../cooling_device0")
    return folder


def put(folder: Path, files: dict[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in files.items():
        (folder / name).write_text(f"{value}\n")


def add_power(root: Path) -> Path:
    """An INA231 that measures 2 W."""
    folder = root / "class/hwmon/hwmon0"
    put(folder, {"name": "ina231", "power1_input": "2000000", "power1_label": "VDD_ARM"})
    return folder / "power1_input"


def settings(folder: Path) -> dict[str, str]:
    """What a restoration must bring back."""
    names = ["scaling_governor", "scaling_min_freq", "scaling_max_freq"]
    if (folder / "scaling_governor").read_text().strip() == "userspace":
        names.append("scaling_setspeed")
    return {name: (folder / name).read_text().strip() for name in names}


class FakeKernel:
    """What happens to the files of one policy when they are written, or the board gets hot."""

    def __init__(self, root: Path, policy: str = "policy0") -> None:
        self.root = root
        self.folder = root / "devices/system/cpu/cpufreq" / policy
        self.khz = [int(one) for one in self._get("scaling_available_frequencies").split()]
        self.least, self.most = (
            int(self._get("scaling_min_freq")),
            int(self._get("scaling_max_freq")),
        )
        self.speed = int(self._get("scaling_cur_freq"))
        self.state = 0
        self.writes: list[tuple[str, str]] = []
        self.others: tuple[Path, ...] = ()

    def install(self, monkeypatch: pytest.MonkeyPatch) -> "FakeKernel":
        monkeypatch.setattr(guardian, "write", self.write)
        return self

    def _get(self, name: str) -> str:
        return (self.folder / name).read_text().strip()

    def _put(self, name: str, value: object) -> None:
        (self.folder / name).write_text(f"{value}\n")

    @property
    def cap(self) -> int:
        return self.khz[-1 - self.state]

    def write(self, path: str, value: str) -> None:
        file = Path(path)
        self.writes.append((file.name, value))
        if file in self.others:
            file.write_text(value)
            return
        if file.parent != self.folder:
            raise OSError(errno.EACCES, os.strerror(errno.EACCES))
        if file.name == "scaling_governor":
            if value not in self._get("scaling_available_governors").split():
                raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
            if value != self._get("scaling_governor"):
                self.speed = int(self._get("scaling_cur_freq"))  # the earlier one is forgotten
            self._put("scaling_governor", value)
        elif not value.isdecimal():
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        elif file.name == "scaling_setspeed":
            if self._get("scaling_governor") != "userspace":
                raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
            higher = [one for one in self.khz if one >= int(value)]
            self.speed = higher[0] if higher else self.khz[-1]
        elif file.name == "scaling_max_freq":
            lower = [one for one in self.khz if one <= int(value)]
            self.most = lower[-1] if lower else self.khz[0]
        elif file.name == "scaling_min_freq":
            self.least = int(value)
        else:
            raise OSError(errno.EACCES, os.strerror(errno.EACCES))
        self._settle()

    def throttle(self, state: int) -> None:
        """The kernel's throttling goes to a cooling state."""
        self.state = state
        (self.root / "class/thermal/cooling_device0/cur_state").write_text(f"{state}\n")
        self._settle()

    def _settle(self) -> None:
        most = min(self.most, self.cap)
        least = min(self.least, most)
        governor = self._get("scaling_governor")
        wanted = {"performance": most, "userspace": self.speed}.get(governor, most)
        clock = min(max(wanted, least), most)
        self._put("scaling_max_freq", most)
        self._put("scaling_min_freq", least)
        self._put("scaling_cur_freq", clock)
        self._put("scaling_setspeed", clock if governor == "userspace" else "<unsupported>")

    def heat(self, temperature_c: float) -> None:
        """The sensor reads something else."""
        file = self.root / "class/thermal/thermal_zone0/temp"
        file.write_text(f"{round(1e3 * temperature_c)}\n")
