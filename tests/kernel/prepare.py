"""Gets what the tests against real kernels need: ``python -m tests.kernel.prepare x86``.

Programs are installed with apt-get where root runs it; kernels, root file systems and a newer QEMU
are only unpacked, under `tests.kernel.packages.CACHE`.
"""

import os
import shutil
import sys

from tests.kernel import arm, packages, x86
from tests.kernel.packages import UnavailableError

BOARDS = {"x86": x86, "arm": arm}


def install(programs: dict[str, str]) -> None:
    """Installs the Debian packages of programs that are missing.

    Args:
        programs: Package by program.

    Raises:
        UnavailableError: Nobody here can.
    """
    missing = [package for name, package in programs.items() if shutil.which(name) is None]
    if not missing:
        return
    command = ["apt-get", "install", "--yes", "--no-install-recommends", *missing]
    if os.geteuid() or shutil.which("apt-get") is None:
        raise UnavailableError(f"these programs are missing; as root: {' '.join(command)}")
    print(" ".join(command), flush=True)
    packages.run(["apt-get", "update"])
    packages.run(["env", "DEBIAN_FRONTEND=noninteractive", *command])


def main(names: list[str]) -> int:
    """Prepares boards; returns the exit status."""
    try:
        for name in names:
            install(BOARDS[name].PROGRAMS)
            BOARDS[name].prepare()
            print(f"{name}: {', '.join((BOARDS[name].KIT / 'packages').read_text().split())}")
    except UnavailableError as missing:
        print(f"the tests against real kernels cannot run here: {missing}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
