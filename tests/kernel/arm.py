"""The ARM board: a stock armhf kernel on QEMU's Orange Pi PC, an Allwinner H3 with four Cortex-A7.

QEMU emulates the clock unit, the I2C bus and a TMP105 on it, so the kernel's own drivers set a real
PLL register and read a real sensor. The root file system is Debian's, extracted, not installed.
"""

import re
import shutil
import sys
from importlib.metadata import distribution, version
from pathlib import Path

from tests.kernel import initramfs, packages
from tests.kernel.guest import COOL_C, Guest
from tests.kernel.packages import CACHE, ROOT, UnavailableError

HERE = Path(__file__).parent
KIT = CACHE / "arm"
"""What `prepare` makes."""

PROGRAMS = {
    "cpio": "cpio",
    "fdtoverlay": "device-tree-compiler",
    "mke2fs": "e2fsprogs",
    "mmdebstrap": "mmdebstrap",
    "modprobe": "kmod",
    "qemu-system-arm": "qemu-system-arm",
}
"""What is installed, and the Debian packages it comes in. Where QEMU is too old, a newer one is
unpacked, which the installed one's libraries serve as well."""

SUITE = "bookworm"
"""The release of the root file system: its Python 3.11 is the newest with a tflite-runtime."""

BACKPORTS = "bookworm-backports"
OLDEST_QEMU = 8
"""The first version that emulates the H3's I2C."""

QEMU_PACKAGES = ("qemu-system-arm", "qemu-system-common", "qemu-system-data")
MODULES = (
    *("cpufreq-dt", "cpufreq_userspace", "i2c-mv64xxx", "lm75"),
    *("sunxi-mmc", "crc32c_generic", "ext4"),
)
ROOT_PACKAGES = (
    *("dash", "coreutils", "procps", "linux-cpupower", "lm-sensors", "libatomic1"),
    *("python3", "python3-numpy", "python3-pil", "python3-psutil", "python3-yaml"),
)
PLATFORMS = ("manylinux_2_34_armv7l", "manylinux_2_17_armv7l")
TFLITE = "tflite-runtime==2.14.0"
PYTHON_PATH = "/opt/tvfs-gym"
"""Where the project lies in the guest."""

IMAGE_SIZE = "512M"
"""QEMU's SD card takes powers of two only."""

LEVELS_MHZ = (480, 648, 816, 1008, 1104, 1200, 1296)
CLOCK_REGISTER = 0x01C20000
"""PLL_CPUX of the H3's clock unit."""

OSCILLATOR_MHZ = 24


def prepare() -> None:
    """Downloads kernel, QEMU and root file system, and builds what the guest boots from.

    Raises:
        UnavailableError: Something is missing.
    """
    packages.need(*PROGRAMS)
    packages.update()
    kernel = packages.kernel_package("linux-image-armmp:armhf", BACKPORTS)
    names = [
        packages.unpack(kernel, BACKPORTS, KIT / "kernel"),
        packages.unpack("busybox-static:armhf", SUITE, KIT / "busybox"),
    ]
    if installed_qemu() < OLDEST_QEMU:
        names += [
            packages.unpack(f"{package}:amd64", BACKPORTS, KIT / "qemu")
            for package in QEMU_PACKAGES
        ]
    release = kernel.removeprefix("linux-image-").removesuffix(":armhf")
    modules = initramfs.module_order(KIT / "kernel", release, MODULES)
    busybox = initramfs.busybox(KIT / "busybox")
    initramfs.build(KIT / "initramfs.gz", busybox, modules, HERE / "guest" / "init_arm.sh")
    _build_device_tree(release)
    if not (KIT / "root.complete").exists():
        _extract_root()
    (KIT / "vmlinuz").unlink(missing_ok=True)
    (KIT / "vmlinuz").symlink_to(KIT / "kernel" / "boot" / f"vmlinuz-{release}")
    (KIT / "packages").write_text("\n".join(names) + "\n")


def installed_qemu() -> int:
    """Major version of the installed QEMU."""
    found = re.search(r"version (\d+)", packages.run(["qemu-system-arm", "--version"]))
    return int(found[1]) if found else 0


def _build_device_tree(release: str) -> None:
    """The stock tree less ``cpu-supply``, which no overlay can take away, and the overlay."""
    name = f"linux-image-{release}/sun8i-h3-orangepi-pc.dtb"
    shutil.copy(next((KIT / "kernel").glob(f"**/{name}")), KIT / "stock.dtb")
    overlay = str(KIT / "board.dtbo")
    packages.run(["fdtput", "-d", str(KIT / "stock.dtb"), "/cpus/cpu@0", "cpu-supply"])
    source = str(HERE / "orangepi.dtso")
    packages.run(["dtc", "-q", "-@", "-I", "dts", "-O", "dtb", "-o", overlay, source])
    packages.run(
        ["fdtoverlay", "-i", str(KIT / "stock.dtb"), "-o", str(KIT / "board.dtb"), overlay]
    )


def _extract_root() -> None:
    """Debian's packages, and from PyPI what Debian has too old or not at all."""
    root = KIT / "root"
    shutil.rmtree(root, ignore_errors=True)
    include = f"--include={','.join(ROOT_PACKAGES)}"
    options = ["--quiet", "--variant=extract", "--architectures=armhf", include]
    packages.run(["mmdebstrap", *options, SUITE, str(root), packages.mirror()])
    for folder in ("dev", "proc", "run", "sys", "tmp"):
        (root / folder).mkdir(exist_ok=True)
    target = str(root / "usr" / "lib" / "python3" / "dist-packages")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--target", target]
    pip += [word for platform in PLATFORMS for word in ("--platform", platform)]
    pip += ["--python-version", "3.11", "--only-binary=:all:", "--upgrade"]
    packages.run([*pip, *(f"{name}=={version(name)}" for name in ("pydantic", "typer"))])
    rest = [f"{name}=={version(name)}" for name in ("gymnasium", "farama-notifications")]
    packages.run([*pip, "--no-deps", TFLITE, "cloudpickle", *rest])
    _compile(root / "usr" / "lib" / "python3")
    _compile(root / "usr" / "lib" / "python3.11")
    (KIT / "root.complete").touch()


def _compile(folder: Path) -> None:
    """Compiles Python's sources, which no emulated CPU does quickly; of use if this is 3.11."""
    options = ["-q", "-f", "--invalidation-mode", "unchecked-hash", "-x", "lib2to3/tests"]
    packages.run([sys.executable, "-m", "compileall", *options, str(folder)])


def _build_image(image: Path) -> None:
    """The SD card: the root file system with the project as it is now."""
    project = KIT / "root" / PYTHON_PATH.lstrip("/")
    shutil.rmtree(project, ignore_errors=True)
    ignore = shutil.ignore_patterns("__pycache__", "*.pyc")
    shutil.copytree(ROOT / "src" / "tvfs_gym", project / "tvfs_gym", ignore=ignore)
    shutil.copytree(HERE / "guest", project / "guest", ignore=ignore)
    metadata = project / f"tvfs_gym-{version('tvfs-gym')}.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(str(distribution("tvfs-gym").metadata), encoding="utf-8")
    _compile(project)
    image.unlink(missing_ok=True)
    packages.run(["truncate", "-s", IMAGE_SIZE, str(image)])
    options = ["-q", "-t", "ext4", "-O", "^has_journal", "-d", str(KIT / "root")]
    packages.run(["mke2fs", *options, str(image)])


def ready() -> None:
    """Checks that a guest can be started.

    Raises:
        UnavailableError: It cannot.
    """
    packages.need("qemu-system-arm", "mke2fs")
    if not (KIT / "packages").exists():
        raise UnavailableError("no kernel was downloaded yet: run 'make test-kernel-arm'")


def _qemu() -> list[str]:
    """The program: the unpacked one if the installed one is too old."""
    if not (KIT / "qemu").exists():
        return ["qemu-system-arm"]
    unpacked = KIT / "qemu" / "usr"
    modules = next(unpacked.glob("lib/*/qemu"))
    data = ["-L", str(unpacked / "share" / "qemu"), "-L", "/usr/share/qemu"]
    program = str(unpacked / "bin" / "qemu-system-arm")
    return ["env", f"QEMU_MODULE_DIR={modules}", program, *data]


def command(image: Path) -> list[str]:
    """QEMU and its arguments.

    Args:
        image: The SD card.
    """
    kernel_line = (
        "console=ttyS0,115200 panic=-1 quiet loglevel=1 clk_ignore_unused "
        f"cpufreq.default_governor=performance agent={PYTHON_PATH}/guest/agent.sh"
    )
    return [
        *(*_qemu(), "-M", "orangepi-pc", "-nic", "none"),
        *("-kernel", str(KIT / "vmlinuz"), "-initrd", str(KIT / "initramfs.gz")),
        *("-dtb", str(KIT / "board.dtb"), "-append", kernel_line),
        *("-device", "tmp105,id=sensor,bus=i2c,address=0x48"),
        *("-drive", f"if=sd,format=raw,file={image},snapshot=on"),
    ]


def pll_cpux_hz(register: int) -> float:
    """The CPU's clock that a value of PLL_CPUX stands for.

    24 MHz (N + 1) (K + 1) / (M + 1) / 2^P (Allwinner H3 datasheet, PLL_CPUX Control Register).
    """
    n, k, m, p = register >> 8 & 31, register >> 4 & 3, register & 3, register >> 16 & 3
    return OSCILLATOR_MHZ * 1e6 * (n + 1) * (k + 1) / (m + 1) / 2**p


class ArmBoard:
    """The running board; see `tests.kernel.plant.Hardware`."""

    name = "arm"
    levels_hz = tuple(mhz * 1e6 for mhz in LEVELS_MHZ)
    scripts = Path(PYTHON_PATH) / "guest"
    python = "python3"

    def __init__(self, folder: Path) -> None:
        """Powers it on.

        Args:
            folder: An empty folder for what it writes.
        """
        _build_image(folder / "sd.img")
        self.guest = Guest(command(folder / "sd.img"), folder)
        self.set_temperature_c(COOL_C)
        blas = "/usr/lib/arm-linux-gnueabihf"
        libraries = f"LD_LIBRARY_PATH={blas}/blas:{blas}/lapack"  # update-alternatives never ran
        self.guest.run(f"export HOME=/tmp PYTHONPATH={PYTHON_PATH} {libraries}")

    def set_temperature_c(self, temperature_c: float) -> None:
        """Sets what the sensor shall read."""
        self.guest.monitor(
            "qom-set",
            path="/machine/peripheral/sensor",
            property="temperature",
            value=round(1000 * temperature_c),
        )

    def frequency_hz(self) -> float:
        """The clock, from the register that the kernel writes."""
        printed = self.guest.monitor.human(f"xp /1wx {CLOCK_REGISTER:#x}")
        return pll_cpux_hz(int(printed.split(":")[1], 16))
