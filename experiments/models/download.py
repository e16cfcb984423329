"""Downloads of files from servers that may break off, be replaced, or mean harm."""

import re
import time
from collections.abc import Callable, Iterator
from http.client import HTTPException, HTTPMessage, HTTPResponse
from pathlib import Path
from socket import gaierror
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.files import write_whole

SCHEMES = ("http", "https")

MOST_BYTES = 512 << 20
"""Largest download: networks of embedded boards have some ten megabytes."""

ATTEMPTS = 5
"""Connections in a row without new bytes after which a download fails."""

FIRST_PAUSE_S = 0.5
"""Pause before the first further connection, s; it doubles each time."""

TIMEOUT_S = 30.0
"""Longest wait for the next bytes, s."""

LEAST_BYTES_PER_S, JUDGED_AFTER_S = 1024, 30.0
"""Slowest download, and the time after which it is judged."""

BLOCK = 1 << 16

OnBytes = Callable[[int, int | None], None]


class UnreachableError(InputError):
    """A server's name is not found: other downloads from it would fail, too."""


class _Redirects(HTTPRedirectHandler):
    """Follows redirects to other web servers only."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        _check_scheme(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


_OPENER = build_opener(_Redirects)


def download(url: str, part: Path, on_bytes: OnBytes, verified: bool = False) -> None:
    """Downloads a file, or resumes its download.

    A download is resumed where the server can tell whether its file is still the same, or where the
    file is verified afterwards. Otherwise it starts again.

    Args:
        url: Address of the file, http or https.
        part: File to write; the bytes of an earlier, interrupted download are kept.
        on_bytes: Called with the number of bytes downloaded and, if it is known, in all.
        verified: True if the caller knows a hash of the file. If not, the file must come whole by
            what the server says of its length.

    Raises:
        UnreachableError: The server's name is not found, as without a network connection.
        InputError: The address is not of http or https, the server refuses or sends what cannot be
            meant, or the connection keeps breaking off; the bytes received are kept for the next
            attempt.
    """
    _check_scheme(url)
    idle = 0
    while True:
        size = _size(part)
        try:
            if _resume(url, part, on_bytes, verified):
                _validator(part).unlink(missing_ok=True)
                return
            reason = "the connection broke off"
        except HTTPError as error:
            if error.code == 416 and size:  # the part is no beginning of the file
                part.unlink()
            elif error.code < 500:
                raise InputError(f"{url}: HTTP {error.code} {error.reason}.") from error
            reason = f"HTTP {error.code} {error.reason}"
        except _OtherRange as error:
            part.unlink()
            reason = str(error)
        except (URLError, HTTPException, TimeoutError, ConnectionError) as error:
            if isinstance(getattr(error, "reason", None), gaierror):
                raise UnreachableError(
                    f"{urlsplit(url).hostname} cannot be found: is there a network connection? The "
                    "same command resumes."
                ) from error
            reason = str(getattr(error, "reason", error))
        idle = 0 if _size(part) > size else idle + 1
        if idle == ATTEMPTS:
            raise InputError(
                f"{url}: stopped after {_size(part)} bytes ({reason}); run the command again to "
                "resume."
            )
        if idle:
            time.sleep(FIRST_PAUSE_S * 2 ** (idle - 1))


def _check_scheme(url: str) -> None:
    if urlsplit(url).scheme not in SCHEMES:
        raise InputError(f"'{url}' cannot be downloaded: the address must be of http or https.")


def _resume(url: str, part: Path, on_bytes: OnBytes, verified: bool) -> bool:
    """Downloads over one connection; returns True if the file is complete."""
    headers = {"User-Agent": "tvfs-gym", "Accept-Encoding": "identity"}
    start = _size(part)
    if start and _validator(part).exists():  # a file that was replaced meanwhile is sent whole
        headers["If-Range"] = _validator(part).read_text()
    elif not verified:
        start = 0
    if start:
        headers["Range"] = f"bytes={start}-"
    with _OPENER.open(Request(url, headers=headers), timeout=TIMEOUT_S) as response:
        total = _total(url, response, start)
        if response.status != 206:
            start = 0
        if total is None and not (verified or response.chunked):
            raise InputError(f"{url}: the server does not say how long the file is.")
        _keep_validator(response, part)
        with part.open("ab" if start else "wb") as file:
            on_bytes(start, total)
            for block in _blocks(url, response, MOST_BYTES - start):
                file.write(block)
                on_bytes(file.tell(), total)
    return total is None or _size(part) == total


def _blocks(url: str, response: HTTPResponse, most: int) -> Iterator[bytes]:
    """The body as it comes.

    Raises:
        InputError: It is too long, or too slow.
    """
    began_s, received = time.monotonic(), 0
    while block := response.read1(BLOCK):
        received += len(block)
        elapsed_s = time.monotonic() - began_s
        if received > most:
            raise InputError(f"{url} is longer than {MOST_BYTES >> 20} MiB, or never ends.")
        yield block
        if elapsed_s > JUDGED_AFTER_S and received < LEAST_BYTES_PER_S * elapsed_s:
            raise InputError(
                f"{url} comes too slowly, {received / elapsed_s:.0f} bytes per second: run the "
                "command again to resume."
            )


def _total(url: str, response: HTTPResponse, start: int) -> int | None:
    """Length of the whole file, if the server tells it.

    Raises:
        InputError: It contradicts itself, or sends something else.
    """
    encoding = response.headers.get("Content-Encoding", "identity")
    if encoding != "identity":
        raise InputError(f"{url}: the server sends it encoded as {encoding}.")
    length = response.headers.get("Content-Length")
    if length is not None and not length.strip().isdecimal():
        raise InputError(f"{url}: the server says Content-Length: {length}, which is no length.")
    total = None if length is None else int(length)
    if response.status == 206:
        total = _total_of_range(response, start, total)
    if total is not None and not 0 < total <= MOST_BYTES:
        raise InputError(f"{url} has {total} bytes; expected 1 to {MOST_BYTES}.")
    return total


def _total_of_range(response: HTTPResponse, start: int, length: int | None) -> int | None:
    """Length of a file of which a part is sent.

    Raises:
        HTTPException: It is not the part that was asked for.
    """
    sent = response.headers.get("Content-Range", "")
    match = re.fullmatch(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)", sent.strip())
    if match is None or int(match[1]) != start or not start:
        raise _OtherRange(f"it sent the range '{sent}' where 'bytes {start}-' was asked for")
    whole = None if match[3] == "*" else int(match[3])
    rest = int(match[2]) + 1 - start
    if (length is not None and length != rest) or (whole is not None and whole != start + rest):
        raise _OtherRange(f"it contradicts itself, '{sent}'")
    return whole if length is None else start + length


class _OtherRange(HTTPException):
    """A server's answer that does not continue the file: the download starts again."""


def _validator(part: Path) -> Path:
    return part.with_name(f"{part.name}.validator")


def _keep_validator(response: HTTPResponse, part: Path) -> None:
    tag = response.headers.get("ETag", "")
    strong = tag if tag and not tag.startswith("W/") else response.headers.get("Last-Modified")
    if strong and strong.isascii() and strong.isprintable():
        write_whole(_validator(part), strong.encode())
    else:
        _validator(part).unlink(missing_ok=True)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
