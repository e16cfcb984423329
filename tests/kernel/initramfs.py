"""The first root of a guest: static busybox, the kernel's modules, and a script."""

import lzma
import shutil
from pathlib import Path

from tests.kernel.packages import run


def module_order(root: Path, release: str, names: tuple[str, ...]) -> list[Path]:
    """Files of kernel modules, each after those it needs.

    Args:
        root: Folder with the unpacked kernel package.
        release: The kernel's release.
        names: The modules.
    """
    if not (root / "lib").exists():
        (root / "lib").symlink_to("usr/lib")  # where modprobe looks
    run(["depmod", "-b", str(root), release])
    order: list[Path] = []
    for name in names:
        shown = run(["modprobe", "-d", str(root), "-S", release, "--show-depends", name])
        lines = (line.split() for line in shown.splitlines())
        order += [Path(words[1]) for words in lines if words[0] == "insmod"]
    return list(dict.fromkeys(order))


def busybox(package: Path) -> Path:
    """The program in the unpacked package busybox-static."""
    return next(path for path in package.glob("**/bin/busybox"))


def build(archive: Path, program: Path, modules: list[Path], init: Path) -> None:
    """Writes an initramfs.

    Args:
        archive: The file to write.
        program: busybox, linked statically.
        modules: Kernel modules in the order in which the script shall load them.
        init: The script; it finds the modules' names in ``/modules``.
    """
    tree = archive.with_suffix("")
    shutil.rmtree(tree, ignore_errors=True)
    for folder in ("bin", "dev", "mod", "proc", "sys", "tmp"):
        (tree / folder).mkdir(parents=True)
    shutil.copy(program, tree / "bin" / "busybox")
    for applet in ("sh", "mount", "echo"):
        (tree / "bin" / applet).symlink_to("busybox")
    for module in modules:
        name = module.name.removesuffix(".xz")
        packed = module.read_bytes()
        plain = lzma.decompress(packed) if module.suffix == ".xz" else packed
        (tree / "mod" / name).write_bytes(plain)
    (tree / "modules").write_text("".join(f"{m.name.removesuffix('.xz')}\n" for m in modules))
    shutil.copy(init, tree / "init")
    (tree / "init").chmod(0o755)
    run(["sh", "-c", f"find . | cpio -o -H newc --quiet | gzip -1 >{archive}"], cwd=tree)
