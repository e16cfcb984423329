"""A fan held at one duty, so that an experiment has one cooling; without being asked, none is."""

from collections.abc import Sequence
from pathlib import Path

from tvfs_gym.envs.boards.linux import guardian
from tvfs_gym.envs.boards.linux.capabilities import Channel
from tvfs_gym.envs.boards.linux.guardian import Setting
from tvfs_gym.envs.errors import BoardError, InputError

FULL = 255
"""Full duty of hwmon."""


class PwmOutputs:
    """The fans of hwmon, all at one duty.

    Each has a mode next to its duty: ``pwmN_enable``, 1 for manual (the kernel's
    Documentation/hwmon/sysfs-interface), or on the Odroid-XU4's vendor kernel ``automatic``, 0 for
    manual (Hardkernel's wiki, from memory).

    Args:
        duties: The duties' files.
        share: Share of the full duty, 0..1.

    Raises:
        InputError: There is no fan whose mode can be set.
    """

    def __init__(self, duties: Sequence[Channel], share: float) -> None:
        found = [(duty.path, *mode) for duty in duties if (mode := _mode(duty.path)) is not None]
        if not found:
            raise InputError(
                "this board has no fan that can be held at a duty: leave out the fan, or hold it "
                "by other means."
            )
        self._fans = found
        self._duty = str(round(FULL * share))

    def found(self) -> list[Setting]:
        """Settings to save before `hold`: the mode, and the duty if that was manual.

        Raises:
            BoardError: It cannot be read.
        """
        settings = []
        for duty, mode, manual in self._fans:
            settings.append(Setting(str(mode), _read(mode)))
            if settings[-1].value == manual:
                settings.append(Setting(str(duty), _read(duty)))
        return settings

    def hold(self, full: bool = False) -> None:
        """Runs the fans at their duty, or at full duty.

        Raises:
            BoardError: The kernel refuses.
        """
        for duty, mode, manual in self._fans:
            try:
                for file, value in ((mode, manual), (duty, str(FULL) if full else self._duty)):
                    guardian.persistently(guardian.write, str(file), value)
            except OSError as error:
                raise BoardError(f"the fan {duty} cannot be set: {error.strerror}.") from error


def _read(file: Path) -> str:
    try:
        return guardian.persistently(guardian.read, str(file))
    except OSError as error:
        raise BoardError(f"the fan's {file} cannot be read: {error.strerror}.") from error


def _mode(duty: Path) -> tuple[Path, str] | None:
    """The file that holds a fan's mode, and what it holds when the duty is manual."""
    for name, manual in ((f"{duty.name}_enable", "1"), ("automatic", "0")):
        if (duty.parent / name).exists():
            return duty.parent / name, manual
    return None
