"""``tvfs-gym convert``: makes a trace of the log of a tool, and says what it took for what."""

from pathlib import Path

from tvfs_gym.envs.errors import InputError
from tvfs_gym.experiments.results.folder import checked_output
from tvfs_gym.experiments.twin.traces.formats import read_table


def run(log: Path, to: Path, period_s: float | None) -> None:
    """Writes a log as a CSV trace, whose columns are those of the README.

    Args:
        log: Log, table, or folder of collectd.
        to: File to write.
        period_s: Seconds between two samples, for logs without times; None for the tool's default.

    Raises:
        InputError: The log is in no known format, or the output file exists.
    """
    if to.suffix != ".csv":
        raise InputError(f"a trace is a CSV file: name {to}.csv, not {to}.")
    if period_s is not None and not period_s > 0:
        raise InputError(f"--period-s must be positive, not {period_s:g}.")
    checked_output(to)
    read = read_table(log, period_s)
    table = read.table.drop("line")
    table.write_csv(to)
    for note in read.notes:
        print(note)
    length_s = float(table["time_s"].cast(float, strict=False).max() or 0.0)  # type: ignore[arg-type]
    print(f"{to}: {table.height} samples, {length_s:g} s, columns {', '.join(table.columns)}")
