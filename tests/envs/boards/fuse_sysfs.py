"""The fake sysfs with its kernel, as a file system of its own: real errors at real system calls.

``python -m tests.envs.boards.fuse_sysfs FOLDER MOUNTPOINT`` serves what `fake_sysfs.build` has put
in a folder; a write goes through `FakeKernel`. Writing ``NAME ERROR COUNT DELAY`` to ``/.fault``
lets the next COUNT accesses to files of that name fail with that error (``OK``: none) after a delay
in seconds.
"""

import errno
import os
import sys
import time
from pathlib import Path

import mfusepy as fuse

from tests.envs.boards.fake_sysfs import FakeKernel

PAGE = 4096


class FaultySysfs(fuse.Operations):
    use_ns = True

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kernel = FakeKernel(folder)
        self.faults: dict[str, tuple[int, int, float]] = {}

    def _fail(self, path: str) -> None:
        name = path.rpartition("/")[2]
        code, count, delay_s = self.faults.get(name, (0, 0, 0.0))
        if count > 0:
            self.faults[name] = code, count - 1, delay_s
            time.sleep(delay_s)
            if code:
                raise fuse.FuseOSError(code)

    def getattr(self, path: str, fh: int | None = None) -> dict[str, int]:
        if path == "/.fault":
            return {"st_mode": 0o100644, "st_size": PAGE, "st_nlink": 1}
        found = os.lstat(f"{self.folder}{path}")
        size = PAGE if not path.endswith(("cdev0",)) else found.st_size
        return {"st_mode": found.st_mode, "st_size": size, "st_nlink": found.st_nlink}

    def readdir(self, path: str, fh: int) -> list[str]:
        return [".", "..", *os.listdir(f"{self.folder}{path}")]

    def readlink(self, path: str) -> str:
        return os.readlink(f"{self.folder}{path}")

    def open(self, path: str, flags: int) -> int:
        if path != "/.fault" and not os.path.exists(f"{self.folder}{path}"):
            raise fuse.FuseOSError(errno.ENOENT)
        return 0

    def truncate(self, path: str, length: int, fh: int | None = None) -> int:
        return 0  # as sysfs has it

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        self._fail(path)
        return Path(f"{self.folder}{path}").read_bytes()[offset : offset + size]

    def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
        if path == "/.fault":
            name, error, count, delay_s = data.decode().split()
            self.faults[name] = getattr(errno, error, 0), int(count), float(delay_s)
            return len(data)
        self._fail(path)
        try:
            self.kernel.write(f"{self.folder}{path}", data.decode().strip())
        except OSError as error:
            raise fuse.FuseOSError(error.errno) from error
        return len(data)


if __name__ == "__main__":
    fuse.FUSE(
        FaultySysfs(Path(sys.argv[1])), sys.argv[2], foreground=True, direct_io=True, nothreads=True
    )
