"""``tvfs-gym models fetch``: downloads a family's networks from their publisher.

An interrupted download is resumed (HTTP Range), within the command and by the next one. The file is
compared with the topology's SHA-256; where that is not known, the hash of the first download is
pinned in ``models.lock.toml`` beside the networks, and every later one is compared with it.
Families that ship with the package are copied, their test images with them.
"""

import shutil
import tarfile
import time
import zlib
from collections.abc import Callable
from hashlib import sha256
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import tomlkit
from pydantic import Field
from rich.progress import Progress, TaskID

from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.inference.images import unpack_images
from tvfs_gym.envs.inference.topology import Family, Topology
from tvfs_gym.envs.tables import Table, read_toml
from tvfs_gym.experiments.progress import progress_bar
from tvfs_gym.experiments.results.folder import make_folder

LOCK = "models.lock.toml"

ATTEMPTS = 5
"""Connections in a row without new bytes after which a download fails."""

FIRST_PAUSE_S = 0.5
"""Pause before the first further connection, s; it doubles each time."""

TIMEOUT_S = 30.0
BLOCK = 1 << 16

OnBytes = Callable[[int, int | None], None]


class Pin(Table):
    """Address of a downloaded network, and its hash."""

    url: str
    sha256: str


class Lock(Table):
    """Downloaded networks whose hash the package does not know, by file name."""

    networks: dict[str, Pin] = Field(default_factory=dict)


def read_lock(folder: Path) -> Lock:
    """Reads the pins of a folder; a folder without a lock file has none.

    Raises:
        InputError: The lock file is damaged.
    """
    path = folder / LOCK
    return read_toml(path, Lock) if path.exists() else Lock()


def pinned(topology: Topology, lock: Lock) -> Topology:
    """Adds the pinned hash to a topology, unless its own is known."""
    pin = lock.networks.get(topology.file)
    if topology.sha256 is not None or pin is None:
        return topology
    return topology.model_copy(update={"sha256": pin.sha256})


def fetch_networks(family: Family, topologies: tuple[Topology, ...], folder: Path) -> bool:
    """Downloads or copies networks into a folder; prints a line for each.

    Args:
        family: Family of the networks.
        topologies: Topologies of the family.
        folder: Folder to write; created if it is missing.

    Returns:
        True if the folder holds all of them. After a failure the others are still fetched.

    Raises:
        InputError: The folder cannot be created, or its lock file is damaged.
    """
    make_folder(folder)
    complete = True
    with progress_bar() as bar:
        for topology in topologies:
            on_bytes = _reporting(bar, bar.add_task(topology.name, total=None))
            try:
                outcome = _fetch(family, pinned(topology, read_lock(folder)), folder, on_bytes)
            except InputError as error:
                complete, outcome = False, f"FAILED: {error}"
            print(f"{topology.name}: {outcome}")
    if family.images is not None:
        print(f"{family.name}: {unpack_images(family.images, folder)} test images")
    return complete


def _reporting(bar: Progress, task: TaskID) -> OnBytes:
    return lambda done, total: bar.update(task, completed=done, total=total)


def _fetch(family: Family, topology: Topology, folder: Path, on_bytes: OnBytes) -> str:
    path = folder / topology.file
    if path.exists():
        _compare(topology, path)
        return "already there"
    if family.models is not None and (family.models / topology.file).exists():
        shutil.copyfile(family.models / topology.file, path)
        return "copied"
    if topology.url is None:
        raise InputError(f"{topology.file} has no known address; its source: {topology.source}")
    name = urlsplit(topology.url).path.rsplit("/", 1)[-1]
    part = folder / f"{name}.part"
    download(topology.url, part, on_bytes)
    if name.endswith((".tgz", ".tar.gz")):
        archive, part = part, folder / f"{topology.file}.unpacked"
        _unpack(archive, topology.file, part)
    try:
        _compare(topology, part)
    except InputError:
        part.unlink()
        raise
    part.replace(path)
    if topology.sha256 is not None:
        return "fetched, hash as expected"
    _pin(topology, path, folder)
    return f"fetched, hash pinned in {LOCK}"


def download(url: str, part: Path, on_bytes: OnBytes) -> None:
    """Downloads a file, or resumes its download.

    Args:
        url: Address of the file, http or https.
        part: File to write; the bytes of an earlier, interrupted download are kept.
        on_bytes: Called with the number of bytes downloaded and, if it is known, in all.

    Raises:
        InputError: The address is not of http or https, the server refuses, or the connection keeps
            breaking off; the bytes received are kept for the next attempt.
    """
    if urlsplit(url).scheme not in ("http", "https"):
        raise InputError(f"'{url}' cannot be downloaded: the address must be of http or https.")
    idle = 0
    while True:
        size = _size(part)
        try:
            if _resume(url, part, on_bytes):
                _validator(part).unlink(missing_ok=True)
                return
            reason = "the connection broke off"
        except HTTPError as error:
            if error.code == 416 and size:  # the part is no beginning of the file
                part.unlink()
            elif error.code < 500:
                raise InputError(f"{url}: HTTP {error.code} {error.reason}.") from error
            reason = f"HTTP {error.code} {error.reason}"
        except (URLError, HTTPException, OSError) as error:
            reason = str(getattr(error, "reason", error))
        idle = 0 if _size(part) > size else idle + 1
        if idle == ATTEMPTS:
            raise InputError(
                f"{url}: stopped after {_size(part)} bytes ({reason}); run the command again to "
                "resume."
            )
        if idle:
            time.sleep(FIRST_PAUSE_S * 2 ** (idle - 1))


def _resume(url: str, part: Path, on_bytes: OnBytes) -> bool:
    """Downloads over one connection; returns True if the file is complete."""
    start = _size(part)
    headers = {"User-Agent": "tvfs-gym"}
    if start:
        headers["Range"] = f"bytes={start}-"
        if _validator(part).exists():  # a file that was replaced meanwhile is sent whole
            headers["If-Range"] = _validator(part).read_text()
    with urlopen(Request(url, headers=headers), timeout=TIMEOUT_S) as response:
        if response.status != 206:
            start = 0
        length = response.headers.get("Content-Length")
        total = None if length is None else start + int(length)
        _keep_validator(response, part)
        with part.open("ab" if start else "wb") as file:
            on_bytes(start, total)
            while block := response.read(BLOCK):
                file.write(block)
                on_bytes(file.tell(), total)
    return total is None or _size(part) >= total


def _validator(part: Path) -> Path:
    return part.with_name(f"{part.name}.validator")


def _keep_validator(response: HTTPResponse, part: Path) -> None:
    tag = response.headers.get("ETag", "")
    strong = tag if tag and not tag.startswith("W/") else response.headers.get("Last-Modified")
    if strong:
        _validator(part).write_text(strong)
    else:
        _validator(part).unlink(missing_ok=True)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _unpack(archive: Path, file: str, target: Path) -> None:
    """Extracts a file from any folder of a .tgz archive, and removes the archive."""
    try:
        with tarfile.open(archive, "r:gz") as tar:
            member = next((m for m in tar if m.isfile() and Path(m.name).name == file), None)
            content = tar.extractfile(member) if member else None
            if content is None:
                raise InputError(f"{archive.name.removesuffix('.part')} holds no {file}.")
            with target.open("wb") as unpacked:
                shutil.copyfileobj(content, unpacked)
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        target.unlink(missing_ok=True)
        raise InputError(f"{archive.name.removesuffix('.part')} is not a .tgz archive.") from error
    finally:
        archive.unlink()


def _compare(topology: Topology, path: Path) -> None:
    digest = sha256(path.read_bytes()).hexdigest()
    if topology.sha256 not in (None, digest):
        raise InputError(
            f"{path.parent / topology.file} is not the file that topology {topology.name} names: "
            f"its SHA-256 is {digest}, expected {topology.sha256}."
        )


def _pin(topology: Topology, path: Path, folder: Path) -> None:
    pin = Pin(url=str(topology.url), sha256=sha256(path.read_bytes()).hexdigest())
    networks = {**read_lock(folder).networks, topology.file: pin}
    content = tomlkit.dumps(Lock(networks=networks).model_dump())
    (folder / LOCK).write_text(content, encoding="utf-8")
