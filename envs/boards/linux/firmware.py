"""The Raspberry Pi's firmware on its throttling, which no clock of the kernel shows."""

from dataclasses import dataclass
from pathlib import Path

from tvfs_gym.envs.boards.linux.sysfs import text

BITS = ("under-voltage", "a capped clock", "throttling", "the soft temperature limit")
"""Bits of ``get_throttled``, for now; 16 higher, for any time since the boot (Raspberry Pi's
documentation of ``vcgencmd get_throttled``)."""

SLOWS = 0b1110
"""Bits that mean a clock below what the kernel shows."""

SINCE_BOOT = 16


@dataclass(frozen=True)
class FirmwareWord:
    """The word, decoded."""

    word: int

    @property
    def slows_cpu(self) -> bool:
        """Tells whether the clock is lower now than the kernel shows."""
        return bool(self.word & SLOWS)

    @property
    def words(self) -> str:
        """Its bits in words."""
        now = [name for bit, name in enumerate(BITS) if self.word >> bit & 1]
        past = [name for bit, name in enumerate(BITS) if self.word >> bit + SINCE_BOOT & 1]
        return f"now {', '.join(now) or 'nothing'}; since the boot {', '.join(past) or 'nothing'}"


def read_firmware(path: Path | None) -> FirmwareWord | None:
    """Reads the word; None if there is none."""
    try:
        return None if path is None else FirmwareWord(int(text(path) or "", 16))
    except ValueError:
        return None
