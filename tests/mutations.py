"""Mutations of files: of their bytes, and of what the bytes of a table, an archive or a text say.

A damaged file is mostly refused for its checksum; a hostile one has a right one. So arrays of .npz,
columns of Parquet and leaves of JSON are changed as well, and written again as they should be.
"""

import json
import random
from io import BytesIO
from typing import Any

import numpy as np

NUMBERS = ("nan", "inf", "-inf", "1e308", "-1e308", "1e-308", "0", "-1", "1e9", "9" * 5000, "null")
"""Values in place of a number in a text."""


def mutated(content: bytes, draw: random.Random) -> bytes:
    """A content with one to three changes, or none of it."""
    for _ in range(draw.randint(1, 3)):
        content = draw.choice(MUTATIONS)(content, draw)
    return content


def _place(content: bytes, draw: random.Random) -> int:
    return draw.randrange(len(content) + 1)


def _cut(content: bytes, draw: random.Random) -> bytes:
    return content[: _place(content, draw)]


def _flip(content: bytes, draw: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(min(len(changed), draw.choice([1, 1, 4, 32]))):
        changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
    return bytes(changed)


def _insert(content: bytes, draw: random.Random) -> bytes:
    at = _place(content, draw)
    pieces = [draw.randbytes(8), b"\0" * 16, b"\x1b[31m", b"[" * 100_000, "ä€".encode("utf-16")]
    return content[:at] + draw.choice(pieces) + content[at:]


def _repeat(content: bytes, draw: random.Random) -> bytes:
    start, end = sorted((_place(content, draw), _place(content, draw)))
    return content[:end] + content[start:end] * draw.choice([1, 3]) + content[end:]


def _drop(content: bytes, draw: random.Random) -> bytes:
    start = _place(content, draw)
    return content[:start] + content[start + draw.choice([1, 10, 100]) :]


def _number(content: bytes, draw: random.Random) -> bytes:
    """Replaces a number of a text; flips bits of what is no text."""
    places = [n for n, byte in enumerate(content[:20_000]) if 48 <= byte <= 57]
    if not places or b"\0" in content[:100]:
        return _flip(content, draw)
    start = end = draw.choice(places)
    while start > 0 and content[start - 1 : start] in b"0123456789.-+eE_":
        start -= 1
    while end < len(content) and content[end : end + 1] in b"0123456789.-+eE_":
        end += 1
    return content[:start] + draw.choice(NUMBERS).encode() + content[end:]


def _empty(content: bytes, draw: random.Random) -> bytes:
    return b"" if draw.random() < 0.2 else _flip(content, draw)


MUTATIONS = (_cut, _flip, _insert, _repeat, _drop, _number, _number, _number, _empty)


VALUES: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    10**18,
    10**30,
    1e308,
    -1e308,
    1e-308,
    float("nan"),
    float("inf"),
    "",
    "x" * 5000,
    "\x1b[31m",
    "../../x",
    [],
    {},
    [[]],
    1.18e21,
)
"""Values in place of a leaf of a document."""


def restructured(name: str, content: bytes, draw: random.Random) -> bytes:
    """A file of the same format with other content; its bytes changed where the format is none."""
    suffix = name.rpartition(".")[2]
    change = {"npz": _npz, "parquet": _parquet, "json": _json, "jsonl": _json_lines}.get(suffix)
    if change is None:
        return mutated(content, draw)
    for _ in range(draw.randint(1, 2)):
        content = change(content, draw)
    return content


def _npz(content: bytes, draw: random.Random) -> bytes:
    with np.load(BytesIO(content)) as stored:
        arrays = {name: stored[name] for name in stored.files}
    name = draw.choice(sorted(arrays))
    changed = _array(arrays.pop(name), draw)
    if changed is not None:
        arrays[name] = changed
    if draw.random() < 0.1:
        arrays["another"] = np.zeros(3)
    written = BytesIO()
    by_name: dict[str, Any] = arrays
    np.savez_compressed(written, **by_name)
    return written.getvalue()


def _array(array: np.ndarray[Any, Any], draw: random.Random) -> np.ndarray[Any, Any] | None:
    """An array with another value, type or shape; None for none."""
    kind = draw.randrange(7)
    if kind == 0:
        return None
    if kind == 1:
        return array[:0] if array.ndim else np.zeros(2)
    if kind == 2:
        return array.astype(draw.choice(["f4", "f8", "i8", "u1", "?", "U5", "c16"]))
    if kind == 3:
        return array.reshape(-1) if draw.random() < 0.5 else array[np.newaxis]
    if kind == 4:
        return np.concatenate([array, array]) if array.ndim else array
    array = np.array(array)
    values = [np.nan, np.inf, -1, 2**31, 1e38, -1e38, 0, 127]
    with np.errstate(all="ignore"):
        if kind == 5:
            array[...] = np.array(draw.choice(values)).astype(array.dtype)
        elif array.size:
            array.reshape(-1)[draw.randrange(array.size)] = np.array(draw.choice(values)).astype(
                array.dtype
            )
    return array


def _parquet(content: bytes, draw: random.Random) -> bytes:
    import polars as pl  # in the child alone: its threads would not survive a fork

    frame = pl.read_parquet(BytesIO(content))
    name = draw.choice(frame.columns)
    kind, row = draw.randrange(8), draw.randrange(max(frame.height, 1))
    values = [float("nan"), float("inf"), -1.0, 1e30, -1e30, 1e9, 0.5, 0.0]
    if kind == 0:
        frame = frame.drop(name)
    elif kind == 1:
        frame = frame.clear()
    elif kind == 2:
        frame = frame.with_columns(pl.lit(draw.choice(["x", "\x1b[31m", "-1"])).alias(name))
    elif kind == 3:
        frame = frame.with_columns(pl.lit(None).alias(name))
    elif kind == 4:
        frame = pl.concat([frame, frame]) if draw.random() < 0.5 else frame.reverse()
    elif frame[name].dtype.is_numeric():
        value = draw.choice(values)
        index = pl.int_range(pl.len())
        chosen = pl.lit(True) if kind == 5 else index == row
        frame = frame.with_columns(pl.when(chosen).then(value).otherwise(pl.col(name)).alias(name))
    written = BytesIO()
    frame.write_parquet(written)
    return written.getvalue()


def _json(content: bytes, draw: random.Random) -> bytes:
    document = json.loads(content)
    holders = [holder for holder in _holders(document) if holder]
    if not holders:
        return mutated(content, draw)
    holder = draw.choice(holders)
    key: Any = draw.choice(sorted(holder) if isinstance(holder, dict) else range(len(holder)))
    if draw.random() < 0.2:
        del holder[key]
    else:
        holder[key] = draw.choice(VALUES)
    return json.dumps(document).encode()


def _json_lines(content: bytes, draw: random.Random) -> bytes:
    lines = content.splitlines()
    index = draw.randrange(len(lines))
    lines[index] = _json(lines[index], draw)
    return b"\n".join(lines) + b"\n"


def _holders(document: Any) -> list[Any]:
    """All lists and objects of a document."""
    if not isinstance(document, list | dict):
        return []
    parts = document.values() if isinstance(document, dict) else document
    return [document, *(holder for part in parts for holder in _holders(part))]
