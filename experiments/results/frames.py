"""Tables as files that are whole or not there, whatever becomes of the disk meanwhile."""

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import polars as pl

from tvfs_gym.envs.files import write_whole


def write_parquet(
    path: Path, frame: pl.DataFrame, metadata: Mapping[str, str] | None = None
) -> None:
    """Writes a table as Parquet.

    Args:
        path: The file; its folder is made if need be.
        frame: The table.
        metadata: Further entries of the file's own metadata.

    Raises:
        OSError: The file cannot be written.
    """
    content = BytesIO()
    frame.write_parquet(content, metadata=dict(metadata or {}))
    write_whole(path, content.getvalue())


def write_csv(path: Path, frame: pl.DataFrame) -> None:
    """Writes a table as CSV; the rest as for `write_parquet`."""
    write_whole(path, frame.write_csv().encode())
