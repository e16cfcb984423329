"""A fan held at one duty, so that an experiment has one cooling; without being asked, none is."""

import logging
from collections.abc import Sequence
from pathlib import Path

from tvfs_gym.envs.boards.linux import guardian
from tvfs_gym.envs.boards.linux.capabilities import Channel
from tvfs_gym.envs.boards.linux.guardian import Setting
from tvfs_gym.envs.errors import BoardError, InputError

LOGGER = logging.getLogger(__name__)

FULL = 255
"""Full duty of hwmon."""

ROUNDED = 8
"""Counts by which a driver may round a duty."""

TAKEN_BACK = 5
"""Looks in a row at which somebody else had set the fan; one more, and it cannot be held."""


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
            names = ", ".join(f"{duty.name} ({duty.alias})" for duty in duties)
            reason = f": the mode of {names} cannot be set" if duties else ""
            raise InputError(
                f"this board has no fan that can be held at a duty{reason}: leave out the fan, or "
                f"hold it by other means."
            )
        self._fans = found
        self._duty = self._wanted = round(FULL * share)
        self._taken_back = 0

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
        self._wanted = FULL if full else self._duty
        for duty, mode, manual in self._fans:
            try:
                for file, value in ((mode, manual), (duty, str(self._wanted))):
                    guardian.persistently(guardian.write, str(file), value)
            except OSError as error:
                raise BoardError(f"the fan {duty} cannot be set: {error.strerror}.") from error

    def check(self) -> None:
        """Reads the duties back, and holds the fans again if somebody else has set them.

        Raises:
            BoardError: Somebody sets them again and again.
        """
        differing = [(duty, now) for duty, _, _ in self._fans if (now := self._differing(duty))]
        if not differing:
            self._taken_back = 0
            return
        duty, now = differing[0]
        whom = (
            "most likely the kernel's thermal governor, which drives a pwm-fan as a cooling device "
            "whatever its mode: disable the zone that it cools (echo disabled > "
            "/sys/class/thermal/thermal_zoneN/mode), or leave out the option fan"
        )
        self._taken_back += 1
        if self._taken_back > TAKEN_BACK:
            raise BoardError(f"the fan {duty} is set to {now} again and again by others, {whom}.")
        if self._taken_back == 1:
            LOGGER.warning("The fan %s was set to %s by others, %s.", duty, now, whom)
        self.hold(full=self._wanted == FULL)

    def _differing(self, duty: Path) -> str | None:
        """The duty, if it is another than was asked for."""
        now = _read(duty)
        same = now.isdecimal() and abs(int(now) - self._wanted) <= ROUNDED
        return None if same else now


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
