"""TFLite metadata: labels and normalisation that a file says of itself.

Labels are files of a zip archive that is appended to the network. The normalisation stands in a
FlatBuffer of its own, by https://github.com/tensorflow/tflite-support metadata_schema.fbs 1.5, of
which the few fields that matter are read here.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.inference.labels import Labels, labels_in

MODEL_BUFFERS, MODEL_METADATA = 4, 6
METADATA_NAME, METADATA_BUFFER = 0, 1
BUFFER_DATA, BUFFER_OFFSET, BUFFER_SIZE = 0, 1, 2
SUBGRAPHS, SUBGRAPH_INPUTS = 3, 2
TENSOR_PROCESS_UNITS = 4
UNIT_KIND, UNIT_OPTIONS, NORMALIZATION = 0, 1, 1
MEAN, STD = 0, 1
"""Numbers of the fields, and of the union's member, in their schemas."""


@dataclass(frozen=True)
class Normalisation:
    """Normalisation of the pixels: (grey level - mean) / scale, each of one value or of R, G, B."""

    mean: tuple[float, ...]
    scale: tuple[float, ...]


def metadata_labels(path: Path) -> Labels | None:
    """Labels that come within a network's file; None if none, or several lists, do.

    Raises:
        InputError: They are no label list.
    """
    try:
        with ZipFile(path) as archive:
            names = [name for name in archive.namelist() if name.endswith(".txt")]
            if len(names) != 1:
                return None
            return labels_in(archive.read(names[0]), f"{path}/{names[0]}")
    except (BadZipFile, OSError, RuntimeError):
        return None


def metadata_normalisation(path: Path) -> Normalisation | None:
    """Normalisation of the pixels that a network's file says of itself; None if it does not.

    Raises:
        InputError: The file cannot be read.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}.") from error
    try:
        return _normalisation(content)
    except (struct.error, IndexError, UnicodeDecodeError):  # damaged
        return None


def _normalisation(content: bytes) -> Normalisation | None:
    model = _Record.root(content)
    for entry in model.records(MODEL_METADATA):
        if entry.text(METADATA_NAME) != b"TFLITE_METADATA":
            continue
        buffer = list(model.records(MODEL_BUFFERS))[entry.number(METADATA_BUFFER, "<I")]
        return _of_inputs(_Record.root(buffer.content()))
    return None


def _of_inputs(metadata: "_Record") -> Normalisation | None:
    for subgraph in metadata.records(SUBGRAPHS):
        for tensor in subgraph.records(SUBGRAPH_INPUTS):
            for unit in tensor.records(TENSOR_PROCESS_UNITS):
                if unit.number(UNIT_KIND, "<B") == NORMALIZATION:
                    options = unit.record(UNIT_OPTIONS)
                    if options and (mean := options.floats(MEAN)) and (std := options.floats(STD)):
                        return Normalisation(mean, std)
    return None


@dataclass(frozen=True)
class _Record:
    """A table of a FlatBuffer, https://flatbuffers.dev/internals."""

    content_of_all: bytes
    start: int

    @classmethod
    def root(cls, content: bytes) -> "_Record":
        return cls(content, _read("<I", content, 0))

    def _field(self, number: int) -> int | None:
        """Position of a field; None if it has its default."""
        layout = self.start - _read("<i", self.content_of_all, self.start)
        entry = 4 + 2 * number
        if entry >= _read("<H", self.content_of_all, layout):
            return None
        offset = _read("<H", self.content_of_all, layout + entry)
        return self.start + offset if offset else None

    def number(self, field: int, form: str) -> int:
        position = self._field(field)
        return 0 if position is None else _read(form, self.content_of_all, position)

    def _pointed(self, field: int) -> int | None:
        position = self._field(field)
        return None if position is None else position + self._u32(position)

    def _u32(self, position: int) -> int:
        return _read("<I", self.content_of_all, position)

    def record(self, field: int) -> "_Record | None":
        start = self._pointed(field)
        return None if start is None else _Record(self.content_of_all, start)

    def records(self, field: int) -> Iterator["_Record"]:
        vector = self._pointed(field)
        for index in range(0 if vector is None else self._u32(vector)):
            assert vector is not None
            position = vector + 4 + 4 * index
            yield _Record(self.content_of_all, position + self._u32(position))

    def text(self, field: int) -> bytes:
        vector = self._pointed(field)
        if vector is None:
            return b""
        return self.content_of_all[vector + 4 : vector + 4 + self._u32(vector)]

    def floats(self, field: int) -> tuple[float, ...]:
        vector = self._pointed(field)
        if vector is None:
            return ()
        return struct.unpack_from(f"<{self._u32(vector)}f", self.content_of_all, vector + 4)

    def content(self) -> bytes:
        """Data of a model's buffer, within it or, in a large file, behind all records."""
        if data := self.text(BUFFER_DATA):
            return data
        offset, size = self.number(BUFFER_OFFSET, "<Q"), self.number(BUFFER_SIZE, "<Q")
        return self.content_of_all[offset : offset + size]


def _read(form: str, content: bytes, position: int) -> int:
    number: int = struct.unpack_from(form, content, position)[0]
    return number
