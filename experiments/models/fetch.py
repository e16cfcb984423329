"""``tvfs-gym models fetch``: gets a family's networks from where their publisher keeps them.

A download that stops is continued where it stopped (HTTP Range), within the command and by the next
one. What arrives is compared with the topology's SHA-256; where that is not known, the hash of the
first download is pinned in ``models.lock.toml`` beside the networks, and every later one is
compared with it. Families that ship with the package are copied, their test images with them.
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

LOCK = "models.lock.toml"

ATTEMPTS = 5
"""Connections in a row that bring nothing new before a download is given up."""

FIRST_PAUSE_S = 0.5
"""Pause before such a connection is tried again; it doubles each time."""

TIMEOUT_S = 30.0
BLOCK = 1 << 16

OnBytes = Callable[[int, int | None], None]


class Pin(Table):
    """Where a network came from, and its hash then."""

    url: str
    sha256: str


class Lock(Table):
    """The networks in a folder whose hash the package does not know, by file name."""

    networks: dict[str, Pin] = Field(default_factory=dict)


def read_lock(folder: Path) -> Lock:
    """The pins of a folder; none if nothing was pinned yet.

    Raises:
        InputError: The lock file is damaged.
    """
    path = folder / LOCK
    return read_toml(path, Lock) if path.exists() else Lock()


def pinned(topology: Topology, lock: Lock) -> Topology:
    """The topology with its pinned hash, unless its own is known."""
    pin = lock.networks.get(topology.file)
    if topology.sha256 is not None or pin is None:
        return topology
    return topology.model_copy(update={"sha256": pin.sha256})


def fetch(family: Family, topologies: tuple[Topology, ...], folder: Path) -> bool:
    """Gets networks into a folder; prints a line for each.

    Args:
        family: Their family.
        topologies: Which of its networks.
        folder: Where to; made if need be.

    Returns:
        Whether all of them are there now. One that fails does not keep the others from coming.

    Raises:
        InputError: The folder cannot be made, or its lock file is damaged.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder {folder}: {error.strerror}.") from error
    complete = True
    with progress_bar() as bar:
        for topology in topologies:
            on_bytes = _reporting(bar, bar.add_task(topology.name, total=None))
            try:
                said = _fetch_one(family, pinned(topology, read_lock(folder)), folder, on_bytes)
            except InputError as error:
                complete, said = False, f"FAILED: {error}"
            print(f"{topology.name}: {said}")
    if family.images is not None:
        print(f"{family.name}: {unpack_images(family.images, folder)} test images")
    return complete


def _reporting(bar: Progress, task: TaskID) -> OnBytes:
    return lambda done, total: bar.update(task, completed=done, total=total)


def _fetch_one(family: Family, topology: Topology, folder: Path, on_bytes: OnBytes) -> str:
    path = folder / topology.file
    if path.exists():
        _compare(topology, path)
        return "is there already"
    if family.models is not None and (family.models / topology.file).exists():
        shutil.copyfile(family.models / topology.file, path)
        return "copied"
    if topology.url is None:
        raise InputError(
            f"no publisher's address of {topology.file} is known; it comes from: {topology.source}"
        )
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
    """Downloads a file, continuing what is there of it.

    Args:
        url: Its address, http or https.
        part: Where it is written; what an earlier, interrupted download left there is continued.
        on_bytes: Called with the bytes there are and, if known, the bytes there will be.

    Raises:
        InputError: The address is none, the server refuses, or the connection keeps breaking off;
            what came until then is kept for the next attempt.
    """
    if urlsplit(url).scheme not in ("http", "https"):
        raise InputError(f"'{url}' is no address that can be fetched: it must be http or https.")
    idle = 0
    while True:
        before = _size(part)
        try:
            if _continue(url, part, on_bytes):
                _validator(part).unlink(missing_ok=True)
                return
            reason = "the connection broke off"
        except HTTPError as error:
            if error.code == 416 and before:  # what is there is no beginning of the file
                part.unlink()
            elif error.code < 500:
                raise InputError(f"{url}: HTTP {error.code} {error.reason}.") from error
            reason = f"HTTP {error.code} {error.reason}"
        except (URLError, HTTPException, OSError) as error:
            reason = str(getattr(error, "reason", error))
        idle = 0 if _size(part) > before else idle + 1
        if idle == ATTEMPTS:
            raise InputError(
                f"{url}: stopped after {_size(part)} bytes ({reason}); run the command again to "
                "continue."
            )
        if idle:
            time.sleep(FIRST_PAUSE_S * 2 ** (idle - 1))


def _continue(url: str, part: Path, on_bytes: OnBytes) -> bool:
    """Makes one connection; returns whether the file is complete after it."""
    start = _size(part)
    headers = {"User-Agent": "tvfs-gym"}
    if start:
        headers["Range"] = f"bytes={start}-"
        if _validator(part).exists():  # if the file was replaced meanwhile, it comes whole
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
    """Takes one file, wherever it lies, out of a .tgz archive, which is removed."""
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
        raise InputError(f"{archive.name.removesuffix('.part')} is no .tgz archive.") from error
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
