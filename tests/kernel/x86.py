"""The x86 board: a stock x86-64 kernel on QEMU's "pc" machine with the tables of ``board.asl``.

The guest's root is the host's own, so the project's virtual environment runs in it as it is.
"""

import mmap
import shlex
import struct
import sys
from pathlib import Path

from tests.kernel import initramfs, packages
from tests.kernel.guest import COOL_C, Guest
from tests.kernel.packages import CACHE, ROOT, UnavailableError

HERE = Path(__file__).parent
KIT = CACHE / "x86"
"""What `prepare` makes."""

PROGRAMS = {
    "cpio": "cpio",
    "cpupower": "linux-cpupower",
    "iasl": "acpica-tools",
    "modprobe": "kmod",
    "qemu-system-x86_64": "qemu-system-x86",
    "sensors": "lm-sensors",
}
"""What is installed, and the Debian packages it comes in."""

SUITE = "trixie"
MODULES = (
    *("acpi-cpufreq", "cpufreq_userspace"),
    *("virtio_pci", "9pnet_virtio", "9p", "overlay"),
)

SHARED = "/run/shared"
LEVELS_MHZ = (1200, 1100, 1000, 900, 800, 700, 600)
"""Clocks by the index that the kernel writes to the register."""

OWN_FOLDERS = ("/dev", "/proc", "/run", "/sys", "/tmp")
"""Where the guest has file systems of its own, and does not see the host's files."""

REGISTER = 0xB3
MEMORY_SIZE = 1 << 16


def prepare() -> None:
    """Downloads the kernel and busybox, and builds what the guest boots from.

    Raises:
        UnavailableError: Something is missing.
    """
    packages.need(*PROGRAMS)
    packages.update()
    kernel = packages.kernel_package("linux-image-amd64:amd64", SUITE)
    names = [
        packages.unpack(kernel, SUITE, KIT / "kernel"),
        packages.unpack("busybox-static:amd64", SUITE, KIT / "busybox"),
    ]
    release = kernel.removeprefix("linux-image-").removesuffix(":amd64")
    modules = initramfs.module_order(KIT / "kernel", release, MODULES)
    busybox = initramfs.busybox(KIT / "busybox")
    initramfs.build(KIT / "initramfs.gz", busybox, modules, HERE / "guest" / "init_x86.sh")
    packages.run(["iasl", "-p", str(KIT / "board.aml"), str(HERE / "board.asl")])
    (KIT / "vmlinuz").unlink(missing_ok=True)
    (KIT / "vmlinuz").symlink_to(KIT / "kernel" / "boot" / f"vmlinuz-{release}")
    (KIT / "packages").write_text("\n".join(names) + "\n")


def ready() -> None:
    """Checks that a guest can be started.

    Raises:
        UnavailableError: It cannot.
    """
    check_seen(ROOT, Path(sys.prefix), Path(sys.base_prefix))
    packages.need("qemu-system-x86_64", "cpupower", "sensors")
    if not (KIT / "packages").exists():
        raise UnavailableError("no kernel was downloaded yet: run 'make test-kernel'")


def check_seen(*folders: Path) -> None:
    """Checks that the guest sees folders of the host.

    Raises:
        UnavailableError: It does not.
    """
    for folder in folders:
        for own in OWN_FOLDERS:
            if folder.resolve().is_relative_to(own):
                raise UnavailableError(
                    f"the guest cannot see {folder}, since it has a {own} of its own: clone, and "
                    "make the virtual environment, elsewhere"
                )


def command(sensor: Path, shared: Path) -> list[str]:
    """QEMU and its arguments.

    Args:
        sensor: The file that holds the temperature.
        shared: A folder that the guest may write in, as its file system ``shared``.
    """
    # A host under load starves the emulated timer, whose check at boot then ends in a panic.
    kernel_line = (
        "console=ttyS0 panic=-1 quiet loglevel=1 no_timer_check "
        f"cpufreq.default_governor=performance agent={HERE / 'guest' / 'agent.sh'}"
    )
    return [
        *("qemu-system-x86_64", "-accel", "tcg,thread=multi", "-M", "pc", "-m", "3072"),
        # acpi-cpufreq looks for a processor that it knows.
        *("-cpu", "max,vendor=GenuineIntel,family=6,model=60,stepping=3", "-smp", "2"),
        *("-nodefaults", "-vga", "none"),
        *("-acpitable", f"file={KIT / 'board.aml'}"),
        *("-object", f"memory-backend-file,id=sensor,share=on,mem-path={sensor},size=64K"),
        *("-device", "ivshmem-plain,memdev=sensor,addr=05.0"),
        *("-fsdev", "local,id=host,path=/,security_model=none,multidevs=remap"),
        *("-device", "virtio-9p-pci,fsdev=host,mount_tag=host"),
        *("-fsdev", f"local,id=shared,path={shared},security_model=none"),
        *("-device", "virtio-9p-pci,fsdev=shared,mount_tag=shared"),
        *("-kernel", str(KIT / "vmlinuz"), "-initrd", str(KIT / "initramfs.gz")),
        *("-append", kernel_line),
    ]


class X86Board:
    """The running board; see `tests.kernel.plant.Hardware`.

    Attributes:
        shared: A folder of the host; in the guest it is `SHARED`.
    """

    name = "x86"
    levels_hz = tuple(sorted(mhz * 1e6 for mhz in LEVELS_MHZ))
    scripts = HERE / "guest"

    def __init__(self, folder: Path) -> None:
        """Powers it on.

        Args:
            folder: An empty folder for what it writes.
        """
        sensor, self.shared = folder / "sensor", folder / "shared"
        self.shared.mkdir()
        sensor.write_bytes(bytes(MEMORY_SIZE))
        with sensor.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), MEMORY_SIZE)
        self.set_temperature_c(COOL_C)
        self.guest = Guest(command(sensor, self.shared), folder)
        options = "trans=virtio,version=9p2000.L,msize=524288"
        self.guest.run(f"mkdir {SHARED} && mount -t 9p -o {options} shared {SHARED}")
        path = f"{ROOT / 'src'}:{HERE / 'guest'}"
        self.guest.run(f"export HOME=/tmp PYTHONPATH={path}")
        self.python = shlex.quote(sys.executable)

    def set_temperature_c(self, temperature_c: float) -> None:
        """Sets what the sensor shall read."""
        # Linux takes 273.2 K for 0 degC: a zone reads in tenths of a kelvin.
        self._memory[:4] = struct.pack("<I", round((temperature_c + 273.2) * 10))

    def frequency_hz(self) -> float:
        """The clock, from the register that the kernel writes."""
        index = int(self.guest.monitor.human(f"i /b {REGISTER:#x}").split("=")[1], 16)
        return LEVELS_MHZ[index] * 1e6
