"""Debian packages of another release or architecture, downloaded and unpacked beside the system.

apt's own settings, lists and cache of the machine stay as they are: everything lives in `CACHE`.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

CACHE = Path(os.environ.get("TVFS_GYM_KERNELS", ROOT / ".cache" / "kernels"))
"""Everything that is downloaded and built for the tests against real kernels."""

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
LISTS = {
    "bookworm": "armhf",
    "bookworm-backports": "amd64,armhf",
    "trixie": "amd64",
}
"""Debian releases, and the architectures whose packages are wanted from each."""

TIMEOUT_S = 900


class UnavailableError(Exception):
    """Something that the tests against real kernels need is missing here: what, and what to do."""


def mirror() -> str:
    """Where Debian's archive is: $DEBIAN_MIRROR, the mirror of this machine's apt, or Debian's."""
    if "DEBIAN_MIRROR" in os.environ:
        return os.environ["DEBIAN_MIRROR"]
    format_ = ["--format", "$(REPO_URI)", "Created-By: Packages", "Label: Debian"]
    known = run(["apt-get", "indextargets", *format_]).split()
    return known[0] if known else "http://deb.debian.org/debian"


def run(command: list[str], cwd: Path | None = None) -> str:
    """Runs a command to its end; returns what it printed.

    Raises:
        UnavailableError: It is not installed, or it failed.
    """
    try:
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=TIMEOUT_S)
    except FileNotFoundError:
        raise UnavailableError(f"{command[0]} is not installed here") from None
    if done.returncode:
        raise UnavailableError(f"{' '.join(command)} failed: {done.stderr.strip() or done.stdout}")
    return done.stdout


def need(*tools: str) -> None:
    """Checks that programs are installed.

    Raises:
        UnavailableError: One is not.
    """
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if missing:
        raise UnavailableError(f"not installed here: {', '.join(missing)}")


def _options() -> list[str]:
    apt = CACHE / "apt"
    settings = {
        "Dir::Etc::sourcelist": apt / "sources.list",
        "Dir::Etc::sourceparts": "-",
        "Dir::State::lists": apt / "lists",
        "Dir::State::status": apt / "status",
        "Dir::Cache": apt,
        "APT::Sandbox::User": "root",
        "APT::Architecture": "amd64",
        "APT::Architectures::": "armhf",
        "Acquire::Languages": "none",
    }
    return [word for key, value in settings.items() for word in ("-o", f"{key}={value}")]


def update() -> None:
    """Reads the archive's lists anew.

    Raises:
        UnavailableError: No apt, no keys of the archive, or no network.
    """
    if not KEYRING.exists():
        raise UnavailableError(f"{KEYRING} is missing: install debian-archive-keyring")
    apt = CACHE / "apt"
    for folder in ("lists/partial", "archives/partial"):
        (apt / folder).mkdir(parents=True, exist_ok=True)
    (apt / "status").touch()
    base = mirror()
    lines = [
        f"deb [signed-by={KEYRING} arch={architectures}] {base} {suite} main\n"
        for suite, architectures in LISTS.items()
    ]
    (apt / "sources.list").write_text("".join(lines))
    run(["apt-get", *_options(), "update"])


def kernel_package(meta: str, suite: str) -> str:
    """Name of the kernel that a meta package stands for now, with its architecture.

    Args:
        meta: ``linux-image-amd64:amd64``, for instance.
        suite: Debian release.
    """
    name, architecture = meta.split(":")
    shown = run(["apt-cache", *_options(), "show", f"{meta}/{suite}"])
    stanzas = [s for s in shown.split("\n\n") if f"Package: {name}\n" in s]
    depends = re.search(r"^Depends: (linux-image-\S+)", stanzas[0], re.MULTILINE)
    if depends is None:
        raise UnavailableError(f"{meta} of {suite} names no kernel")
    return f"{depends[1]}:{architecture}"


def unpack(package: str, suite: str, into: Path) -> str:
    """Downloads a package unless it is here already, and unpacks it.

    Args:
        package: Name and architecture, ``busybox-static:armhf``.
        suite: Debian release.
        into: The folder that becomes its root.

    Returns:
        Name and version, as in the name of its file.
    """
    debs = CACHE / "debs"
    for folder in (debs, into):
        folder.mkdir(parents=True, exist_ok=True)
    wanted = ["download", f"{package}/{suite}"]
    # In another folder: apt prints nothing of a file that is there already.
    uris = run(["apt-get", *_options(), *wanted, "--print-uris"], cwd=CACHE / "apt")
    name = uris.split()[1]
    if not (debs / name).exists():
        run(["apt-get", *_options(), *wanted], cwd=debs)
    run(["dpkg-deb", "--extract", str(debs / name), str(into)])
    return name.removesuffix(".deb")
