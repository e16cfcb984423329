"""``tvfs-gym models fetch``: downloads a family's networks from their publisher.

An interrupted download is resumed (HTTP Range), within the command and by the next one. The file is
compared with the topology's SHA-256; where that is not known, the hash of the first download is
pinned in ``models.lock.toml`` beside the networks, and every later one is compared with it.
Families that ship with the package are copied, their test images and label list with them.
"""

import gzip
import io
import shutil
import tarfile
import zlib
from hashlib import sha256
from pathlib import Path
from typing import IO, cast
from urllib.parse import urlsplit

import tomlkit
from rich.progress import Progress, TaskID

from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.files import write_whole
from tvfs_gym.envs.inference.image_lists import read_image_list, unpack_images
from tvfs_gym.envs.inference.topology import Family, Topology
from tvfs_gym.envs.tables import Table, read_toml
from tvfs_gym.experiments.models.download import OnBytes, UnreachableError, download
from tvfs_gym.experiments.models.joining import IDENTIFIER, one_network
from tvfs_gym.experiments.progress import progress_bar
from tvfs_gym.experiments.results.folder import make_folder

LOCK = "models.lock.toml"

LABELS = "labels.txt"
"""Names of the classes of a family that ships."""

MOST_UNPACKED = 1 << 30
"""Bytes of an archive when unpacked."""


class Pin(Table):
    """Address of a downloaded network, and its hash."""

    url: str
    sha256: str


class Lock(Table):
    """Downloaded networks whose hash the package does not know, by file name."""

    networks: dict[str, Pin]


def read_lock(folder: Path) -> Lock:
    """Reads the pins of a folder; a folder without a lock file has none.

    Raises:
        InputError: The lock file is damaged.
    """
    path = folder / LOCK
    return read_toml(path, Lock) if path.exists() else Lock(networks={})


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
        True if the folder holds all of them. After a failure the others are still fetched, unless
        there is no network connection.

    Raises:
        UnreachableError: There is no network connection, or the publisher's name is unknown.
        InputError: The folder cannot be created, or its lock file is damaged.
    """
    make_folder(folder)
    complete = True
    with progress_bar() as bar:
        for topology in topologies:
            task = bar.add_task(topology.name, total=None)
            on_bytes = _reporting(bar, task)
            try:
                outcome = _fetch(family, pinned(topology, read_lock(folder)), folder, on_bytes)
            except UnreachableError:
                raise
            except InputError as error:
                complete, outcome = False, f"FAILED: {error}"
            finally:
                bar.remove_task(task)
            print(f"{topology.name}: {outcome}")
    if family.images is not None:
        unpack_images(family.images, folder)
        print(f"{family.name}: {len(read_image_list(folder))} test images")
    if family.labels is not None and not (folder / LABELS).exists():
        write_whole(folder / LABELS, family.labels.read_bytes())
    return complete


def _reporting(bar: Progress, task: TaskID) -> OnBytes:
    return lambda done, total: bar.update(task, completed=done, total=total)


def _fetch(family: Family, topology: Topology, folder: Path, on_bytes: OnBytes) -> str:
    path = folder / topology.file
    if path.exists():
        _compare(topology, path)
        return "already there"
    if family.models is not None and (family.models / topology.file).exists():
        write_whole(path, (family.models / topology.file).read_bytes())
        return "copied"
    if topology.url is None:
        made = topology.origin or f"its source: {topology.source}"
        raise InputError(f"{topology.file} has no address to fetch it from; {made}")
    if topology.head_url is not None:
        part = _fetch_parts(topology, folder, on_bytes)
        return _take_over(topology, part, folder)
    name = urlsplit(topology.url).path.rsplit("/", 1)[-1]
    part = folder / f"{name}.part"
    download(topology.url, part, on_bytes, topology.sha256 is not None)
    if name.endswith((".tgz", ".tar.gz")):
        archive, part = part, folder / f"{topology.file}.unpacked"
        _unpack(archive, topology.file, part)
    return _take_over(topology, part, folder)


def _fetch_parts(topology: Topology, folder: Path, on_bytes: OnBytes) -> Path:
    """Downloads the two files of a network and joins them."""
    parts = [folder / f"{topology.file}.{number}.part" for number in (1, 2)]
    for url, part in zip((topology.url, topology.head_url), parts, strict=True):
        download(str(url), part, on_bytes)
    whole = folder / f"{topology.file}.joined"
    try:
        write_whole(whole, one_network(*(part.read_bytes() for part in parts)))
    finally:
        for part in parts:
            part.unlink()
    return whole


def _take_over(topology: Topology, part: Path, folder: Path) -> str:
    """Gives a file its name once it is the one that is meant."""
    path = folder / topology.file
    try:
        _compare(topology, part)
    except InputError:
        part.unlink()
        raise
    if topology.sha256 is None:  # pinned first: what stands there unpinned would never be compared
        _pin(topology, part, folder)
    part.replace(path)
    return "fetched, hash as expected" if topology.sha256 else f"fetched, hash pinned in {LOCK}"


class _Limited(io.RawIOBase):
    """A stream that ends in an error once it has given too much."""

    def __init__(self, stream: IO[bytes], most: int) -> None:
        self._stream, self._left = stream, most

    def readable(self) -> bool:
        """Always."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Reads, within what is left.

        Raises:
            OverflowError: Nothing is left.
        """
        content = self._stream.read(size)
        self._left -= len(content)
        if self._left < 0:
            raise OverflowError
        return content


def _unpack(archive: Path, file: str, target: Path) -> None:
    """Extracts a file from any folder of a .tgz archive, and removes the archive."""
    name = archive.name.removesuffix(".part")
    try:
        with gzip.open(archive) as unzipped:
            limited = cast(IO[bytes], _Limited(cast(IO[bytes], unzipped), MOST_UNPACKED))
            with tarfile.open(fileobj=limited, mode="r|") as tar:
                member = next((m for m in tar if m.isfile() and Path(m.name).name == file), None)
                content = tar.extractfile(member) if member else None
                if content is None:
                    raise InputError(f"{name} holds no {file}.")
                with target.open("wb") as unpacked:
                    shutil.copyfileobj(content, unpacked)
    except OverflowError as error:
        target.unlink(missing_ok=True)
        raise InputError(
            f"{name} is longer than {MOST_UNPACKED >> 20} MiB when unpacked."
        ) from error
    except (tarfile.TarError, EOFError, gzip.BadGzipFile, zlib.error, ValueError) as error:
        target.unlink(missing_ok=True)
        if isinstance(error, InputError):
            raise
        raise InputError(f"{name} is not a .tgz archive.") from error
    finally:
        archive.unlink()


def _compare(topology: Topology, path: Path) -> None:
    content = path.read_bytes()
    digest = sha256(content).hexdigest()
    if topology.sha256 is None and content[4:8] != IDENTIFIER:
        raise InputError(f"{path.parent / topology.file} is no TFLite network.")
    if topology.sha256 not in (None, digest):
        raise InputError(
            f"{path.parent / topology.file} is not the file that topology {topology.name} names: "
            f"its SHA-256 is {digest}, expected {topology.sha256}."
        )


def _pin(topology: Topology, path: Path, folder: Path) -> None:
    pin = Pin(url=str(topology.url), sha256=sha256(path.read_bytes()).hexdigest())
    networks = {**read_lock(folder).networks, topology.file: pin}
    content = tomlkit.dumps(Lock(networks=networks).model_dump())
    write_whole(folder / LOCK, content.encode())
