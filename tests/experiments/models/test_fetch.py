"""Fetching networks from a server that behaves, breaks off, refuses, or serves something else."""

import io
import re
import tarfile
import threading
from collections.abc import Iterator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import tomlkit

from tests.conftest import Cli
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.inference.topology import load_family
from tvfs_gym.experiments.models import download as downloads
from tvfs_gym.experiments.models import fetch as module

NETWORK = b"\x1c\0\0\0TFL3" + bytes(range(256)) * 2048  # 512 KiB
SHA256 = sha256(NETWORK).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves one file at every address, with the faults that a test asks for."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = NETWORK
        self.etag = '"one"'
        self.knows_ranges = True
        self.drops = 0  # connections that break off after a third of what is left
        self.status = 200
        self.redirect: str | None = None
        self.starts: list[int] = []  # first byte that each connection sent
        self.headers: dict[str, str | None] = {}  # sent in place of the right ones; None for none
        self.range_from: int | None = None  # where a part begins that was not asked for

    def url(self, name: str = "net.tflite") -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/models/{name}"


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.0"

    def do_GET(self) -> None:
        server, asked = self.server, self.headers.get("Range")
        if server.redirect is not None:
            self.send_response(302)
            self.send_header("Location", server.redirect)
            self.end_headers()
            return
        if server.status != 200:
            self.send_error(server.status)
            return
        fresh = self.headers.get("If-Range", server.etag) == server.etag
        start = int(asked[6:-1]) if asked and server.knows_ranges and fresh else 0
        if start and start >= len(server.content):
            self.send_error(416)
            return
        if start and server.range_from is not None:
            start = server.range_from
        body, end = server.content[start:], len(server.content)
        self.send_response(206 if asked and server.knows_ranges and fresh else 200)
        headers: dict[str, str | None] = {
            "ETag": server.etag,
            "Content-Length": str(len(body)),
            "Content-Range": f"bytes {start}-{end - 1}/{end}" if asked else None,
        }
        for name, value in {**headers, **server.headers}.items():
            if value is not None:
                self.send_header(name, value)
        self.end_headers()
        server.starts.append(start)
        if server.drops:
            server.drops -= 1
            body = body[: len(body) // 3]
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "FIRST_PAUSE_S", 0.0)


def family_file(folder: Path, url: str | None, sha256: str | None = None) -> Path:
    """A family of one network that comes from an address."""
    row = {"name": "net", "file": "net.tflite", "input_px": 8, "classes": 10, "label_offset": 0}
    row |= {"pixel_mean": 128, "pixel_scale": 128, "top1_published": 50.0, "relative_latency": 1.0}
    row |= {"source": "the test"} | ({"url": url} if url else {})
    row |= {"sha256": sha256} if sha256 else {}
    path = folder / "family.toml"
    path.write_text(tomlkit.dumps({"name": "f", "description": "d", "topologies": [row]}))
    load_family.cache_clear()
    return path


def fetched(folder: Path, url: str | None, sha256: str | None = None) -> bool:
    family = load_family(str(family_file(folder, url, sha256)))
    return module.fetch_networks(family, family.topologies, folder / "models")


def left_over(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "models").iterdir())


def test_a_download_is_verified(server: Server, tmp_path: Path) -> None:
    assert fetched(tmp_path, server.url(), SHA256)
    assert (tmp_path / "models" / "net.tflite").read_bytes() == NETWORK
    assert left_over(tmp_path) == ["net.tflite"]


def test_a_download_that_breaks_off_goes_on_where_it_stopped(
    server: Server, tmp_path: Path
) -> None:
    server.drops = 2
    assert fetched(tmp_path, server.url(), SHA256)
    third = len(NETWORK) // 3
    assert server.starts == [0, third, third + (len(NETWORK) - third) // 3]
    assert (tmp_path / "models" / "net.tflite").read_bytes() == NETWORK


def test_a_later_command_goes_on_where_an_earlier_one_was_interrupted(
    server: Server, tmp_path: Path
) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "net.tflite.part").write_bytes(NETWORK[:1000])
    assert fetched(tmp_path, server.url(), SHA256)
    assert server.starts == [1000]
    assert (tmp_path / "models" / "net.tflite").read_bytes() == NETWORK


def test_a_file_that_was_replaced_meanwhile_comes_whole(server: Server, tmp_path: Path) -> None:
    server.drops = 1

    def replaced(done: int, total: int | None) -> None:
        if done == len(NETWORK) // 3:
            server.content, server.etag = NETWORK[::-1], '"two"'

    downloads.download(server.url(), tmp_path / "part", replaced)
    assert (tmp_path / "part").read_bytes() == NETWORK[::-1]
    assert server.starts == [0, 0]


def test_a_server_without_ranges_sends_it_again_from_the_start(
    server: Server, tmp_path: Path
) -> None:
    server.drops, server.knows_ranges = 1, False
    assert fetched(tmp_path, server.url(), SHA256)
    assert server.starts == [0, 0]
    assert (tmp_path / "models" / "net.tflite").read_bytes() == NETWORK


def test_a_part_longer_than_the_file_is_dropped(server: Server, tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "net.tflite.part").write_bytes(NETWORK + b"more")
    assert fetched(tmp_path, server.url(), SHA256)
    assert (tmp_path / "models" / "net.tflite").read_bytes() == NETWORK


def test_a_wrong_hash_leaves_nothing(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not fetched(tmp_path, server.url(), "0" * 64)
    assert f"its SHA-256 is {SHA256}, expected {'0' * 64}" in capsys.readouterr().out
    assert left_over(tmp_path) == []


def test_an_unknown_hash_is_pinned_and_holds_from_then_on(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fetched(tmp_path, server.url())
    assert "hash pinned in models.lock.toml" in capsys.readouterr().out
    assert module.read_lock(tmp_path / "models").networks["net.tflite"].sha256 == SHA256
    (tmp_path / "models" / "net.tflite").unlink()
    server.content = NETWORK[:-1]
    assert not fetched(tmp_path, server.url())
    assert f"expected {SHA256}" in capsys.readouterr().out


def test_what_is_there_is_not_fetched_again_but_compared(server: Server, tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "net.tflite").write_bytes(NETWORK)
    assert fetched(tmp_path, server.url(), SHA256)
    (tmp_path / "models" / "net.tflite").write_bytes(b"another")
    assert not fetched(tmp_path, server.url(), SHA256)
    assert (tmp_path / "models" / "net.tflite").read_bytes() == b"another"
    assert server.starts == []


@pytest.mark.parametrize("status", [403, 404])
def test_a_refusal_is_said_at_once(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str], status: int
) -> None:
    server.status = status
    assert not fetched(tmp_path, server.url())
    assert f"{server.url()}: HTTP {status}" in capsys.readouterr().out


def test_a_server_that_keeps_failing_is_given_up_and_the_part_kept(
    server: Server, tmp_path: Path
) -> None:
    (tmp_path / "part").write_bytes(NETWORK[:100])
    server.status = 503
    with pytest.raises(InputError, match=r"stopped after 100 bytes \(HTTP 503.*again to resume"):
        downloads.download(server.url(), tmp_path / "part", lambda done, total: None)
    assert (tmp_path / "part").read_bytes() == NETWORK[:100]


def archive_of(name: str) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for member, content in (("./other.pb", b"frozen graph"), (name, NETWORK)):
            info = tarfile.TarInfo(member)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return packed.getvalue()


@pytest.mark.parametrize("member", ["./net.tflite", "../../net.tflite"])
def test_a_network_is_taken_out_of_its_archive(server: Server, tmp_path: Path, member: str) -> None:
    server.content = archive_of(member)
    assert fetched(tmp_path, server.url("net.tgz"), SHA256)
    assert (tmp_path / "models" / "net.tflite").read_bytes() == NETWORK
    assert left_over(tmp_path) == ["net.tflite"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (archive_of("another.tflite"), "net.tgz holds no net.tflite"),
        (NETWORK, "net.tgz is not a .tgz archive"),
        (archive_of("net.tflite")[:-500], "net.tgz is not a .tgz archive"),
    ],
)
def test_an_archive_that_cannot_be_used_leaves_nothing(
    server: Server,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    content: bytes,
    message: str,
) -> None:
    server.content = content
    assert not fetched(tmp_path, server.url("net.tgz"))
    assert message in capsys.readouterr().out
    assert left_over(tmp_path) == []


def test_one_failure_does_not_lose_the_others(cli: Cli, server: Server, tmp_path: Path) -> None:
    path = family_file(tmp_path, server.url(), SHA256)
    text = path.read_text()
    other = text[text.index("[[topologies]]") :].replace("net", "none").replace(SHA256, "0" * 64)
    path.write_text(text.replace("[[topologies]]", other + "\n[[topologies]]", 1))
    done = cli("models", "fetch", tmp_path / "models", "--family", path)
    assert done.returncode == 1
    assert "none: FAILED" in done.stdout and "net: fetched, hash as expected" in done.stdout


def test_without_a_network_connection_one_download_is_tried(cli: Cli, tmp_path: Path) -> None:
    path = family_file(tmp_path, "https://nowhere.invalid/net.tflite", SHA256)
    text = path.read_text()
    other = text[text.index("[[topologies]]") :].replace("net", "other")
    path.write_text(text.replace("[[topologies]]", other + "\n[[topologies]]", 1))
    done = cli("models", "fetch", tmp_path / "models", "--family", path)
    assert done.returncode == 2 and done.stdout == ""
    assert "nowhere.invalid cannot be found: is there a network connection?" in done.stderr


@pytest.mark.parametrize("url", [None, "file:///etc/hostname", "net.tflite"])
def test_a_network_without_a_usable_address_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], url: str | None
) -> None:
    assert not fetched(tmp_path, url)
    assert "address" in capsys.readouterr().out


def test_every_hosted_network_has_its_publishers_address() -> None:
    """The addresses of TensorFlow's hosted_models.md @0406598a, which writes 0.5, not 0.50."""
    base = "https://storage.googleapis.com/download.tensorflow.org/models/mobilenet_v1_2018_08_02/"
    for topology in load_family("mobilenet_v1_hosted").topologies:
        stem = f"mobilenet_v1_{topology.width}_{topology.input_px}_quant"
        assert (topology.url, topology.file) == (f"{base}{stem}.tgz", f"{stem}.tflite")


HOSTILE: dict[str, tuple[dict[str, str | None], bytes, str]] = {
    "an empty file": ({}, b"", "has 0 bytes"),
    "an endless length": ({"Content-Length": str(1 << 50)}, NETWORK, "bytes; expected 1 to"),
    "a negative length": ({"Content-Length": "-5"}, NETWORK, "which is no length"),
    "no length": ({"Content-Length": None}, NETWORK, "does not say how long"),
    "a length that is no number": ({"Content-Length": "abc"}, NETWORK, "which is no length"),
    "an encoding": ({"Content-Encoding": "gzip"}, NETWORK, "encoded as gzip"),
    "a page of a portal": ({}, b"<html>log in</html>", "is no TFLite network"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_cannot_be_meant_is_refused_and_never_pinned(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    server.headers, server.content, message = HOSTILE[kind]
    assert not fetched(tmp_path, server.url())
    assert message in capsys.readouterr().out
    assert not set(left_over(tmp_path)) & {"net.tflite", "models.lock.toml"}


@pytest.mark.parametrize("target", ["ftp://127.0.0.1/x", "file:///etc/hostname", "data:,x"])
def test_a_redirect_leads_to_web_servers_only(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str], target: str
) -> None:
    server.redirect = target
    assert not fetched(tmp_path, server.url())
    assert re.search("must be of http or https|is not allowed", capsys.readouterr().out)


def test_a_file_that_may_have_been_replaced_starts_again(server: Server, tmp_path: Path) -> None:
    """Without validator nobody knows whether the rest fits the beginning."""
    server.headers, server.drops = {"ETag": None}, 1

    def replaced(done: int, total: int | None) -> None:
        if done == len(NETWORK) // 3:
            server.content = NETWORK[::-1]

    downloads.download(server.url(), tmp_path / "part", replaced)
    assert (tmp_path / "part").read_bytes() == NETWORK[::-1]
    assert server.starts == [0, 0]


@pytest.mark.parametrize(
    ("begins", "headers"),
    [(0, {}), (7, {}), (None, {"Content-Range": None}), (None, {"Content-Range": "bytes 1-0/*"})],
)
def test_a_part_that_was_not_asked_for_is_not_appended(
    server: Server, tmp_path: Path, begins: int | None, headers: dict[str, str | None]
) -> None:
    server.drops, server.range_from, server.headers = 1, begins, headers
    assert fetched(tmp_path, server.url())
    assert (tmp_path / "models" / "net.tflite").read_bytes() == NETWORK


def test_a_file_that_never_ends_or_comes_too_slowly_is_given_up(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.headers = {"Content-Length": None}
    with monkeypatch.context() as patch, pytest.raises(InputError, match="or never ends"):
        patch.setattr(downloads, "MOST_BYTES", len(NETWORK) // 2)
        downloads.download(server.url(), tmp_path / "part", lambda *_: None, verified=True)
    monkeypatch.setattr(downloads, "LEAST_BYTES_PER_S", 1 << 50)
    monkeypatch.setattr(downloads, "JUDGED_AFTER_S", 0.0)
    with pytest.raises(InputError, match="comes too slowly"):
        downloads.download(server.url(), tmp_path / "part", lambda *_: None, verified=True)


def test_an_archive_is_not_unpacked_without_end(
    server: Server,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MOST_UNPACKED", len(NETWORK))
    server.content = archive_of("net.tflite")
    assert not fetched(tmp_path, server.url("net.tgz"), SHA256)
    assert "when unpacked" in capsys.readouterr().out
    assert left_over(tmp_path) == []


@pytest.mark.parametrize(
    "file", ["../x.tflite", "/tmp/x.tflite", "models.lock.toml", ".x.tflite", "a\\b.tflite"]
)
def test_a_network_stays_in_its_folder(tmp_path: Path, file: str) -> None:
    path = family_file(tmp_path, None)
    path.write_text(path.read_text().replace('"net.tflite"', tomlkit.item(file).as_string()))
    with pytest.raises(InputError, match=r"topologies\.0\.file"):
        load_family(str(path))


def test_an_empty_lock_is_not_taken_for_one_without_pins(server: Server, tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "models.lock.toml").touch()
    assert not fetched(tmp_path, server.url())
