"""Makes a guest as slow as its clock says: QEMU itself knows no clock.

Each CPU of the guest is a thread of QEMU; a control group (version 1) gives it a share of a CPU of
the host in proportion to the guest's frequency.
"""

from pathlib import Path

from tests.kernel.guest import Guest
from tests.kernel.packages import UnavailableError

GROUPS = Path("/sys/fs/cgroup/cpu")
PERIOD_US = 5_000
"""Short beside a pass, so that each pass is slowed down and not one in three stopped."""


class CpuQuota:
    """Quotas of a guest's CPUs, as a context.

    Args:
        guest: The guest.
        share: Of a CPU of the host that a CPU of the guest gets at the highest clock.

    Raises:
        UnavailableError: Control groups cannot be made here.
    """

    def __init__(self, guest: Guest, share: float) -> None:
        self._share = share
        self._present = 0
        threads = [cpu["thread-id"] for cpu in guest.monitor("query-cpus-fast")]
        self._groups = {thread: GROUPS / f"tvfs_gym_{thread}" for thread in threads}
        try:
            for group in self._groups.values():
                group.mkdir(exist_ok=True)
                (group / "cpu.cfs_period_us").write_text(str(PERIOD_US))
        except OSError as error:
            raise UnavailableError(f"no control group can be made in {GROUPS}: {error}") from error

    def __enter__(self) -> "CpuQuota":
        self.follow(1.0)
        for thread, group in self._groups.items():
            (group / "tasks").write_text(str(thread))
        return self

    def follow(self, fraction: float) -> None:
        """Adopts a clock, as a fraction of the highest."""
        quota_us = round(PERIOD_US * self._share * fraction)
        if quota_us != self._present:
            for group in self._groups.values():
                (group / "cpu.cfs_quota_us").write_text(str(quota_us))
            self._present = quota_us

    def __exit__(self, *_: object) -> None:
        for thread, group in self._groups.items():
            if Path(f"/proc/{thread}").exists():
                (GROUPS / "tasks").write_text(str(thread))
            group.rmdir()
