"""Logs of sbc-bench: the monitoring at their end, and which of a board's cores worked."""

import re
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from tvfs_gym.envs.errors import InputError
from tvfs_gym.experiments.twin.traces.logs import health_samples

SBC_BENCH = ("t_s", "freq_field", "cpu_pct", "temp_c", "extra", "section")
"""Columns of its monitoring as a table, one clock or two in a cell."""

LITTLE_TIMES_BIG = 0.66 / 0.34
"""How long a LITTLE core takes for sbc-bench's single-threaded 7-zip, in multiples of a big one's
time: the speeds that Odroid-XU4 4pC7 reports, 905 and 1724 MIPS, for the same work. Each cluster
does it in turn, the LITTLE one first. tinymembench and ramlat, which report no time, count as
equally long; OpenSSL alternates between the clusters."""

_CLUSTER = re.compile(
    r"^Checking cpufreq OPP for cpu(\d+)-cpu(\d+)[^\n]*\n\s*Cpufreq OPP: +(\d+)", re.MULTILINE
)


@dataclass(frozen=True)
class Clusters:
    """The clusters of a chip.

    Attributes:
        big_share: Share of the cores that are big ones, 0..1; 1 if all are alike.
        big: Number of big clusters, each with a clock of its own.
        first_big: First core of each of them.
    """

    big_share: float
    big: int
    first_big: frozenset[int]


TWO_ALIKE = Clusters(0.5, 1, frozenset())
"""Of a log that does not tell: a big and a LITTLE cluster of as many cores."""


def clusters_in(text: str) -> Clusters | None:
    """The clusters that a log names with their clocks; None if it names none.

    The big ones are those that reach the highest clock.
    """
    found = {int(first): (int(last), int(mhz)) for first, last, mhz in _CLUSTER.findall(text)}
    if not found:
        return None
    top_mhz = max(mhz for _, mhz in found.values())
    cores = {first: last - first + 1 for first, (last, _) in found.items()}
    big = frozenset(first for first, (_, mhz) in found.items() if mhz == top_mhz)
    return Clusters(sum(cores[first] for first in big) / sum(cores.values()), len(big), big)


def read_sbc_bench(path: Path) -> pl.DataFrame:
    """The monitoring that sbc-bench prints at the end of its log, section by section.

    A sample is ``17:25:25: 2000/1400MHz  0.93  10% ... 31.0°C``; the header of its section says
    what its clocks are: see `tvfs_gym.experiments.twin.traces.logs.health_samples`. Big clusters'
    clocks become one, their mean. A board whose clock cannot be read has none.
    """
    text = path.read_text(encoding="utf-8", errors="replace")
    found = [sample for sample in health_samples(text) if sample[4]]
    if not found:
        raise InputError(f"{path} is a log of sbc-bench without its monitoring: run sbc-bench -m.")
    clusters = clusters_in(text)
    clocked = all(clocks for _, clocks, *_ in found)
    rows = []
    for time_s, clocks, load, temperature_c, section, heading in found:
        clock = _clock(clocks, heading, clusters) if clocked else ""
        real = "1V" if heading == "fake/real" else ""
        rows.append((time_s, clock, load, temperature_c, real, section))
    known = clusters or TWO_ALIKE
    table = pl.DataFrame(rows, list(SBC_BENCH), orient="row")
    return table.with_columns(
        t_s=pl.col("t_s") - pl.col("t_s").first(),
        big_share=pl.lit(known.big_share),
        big_clusters=pl.lit(known.big),
    )


def _clock(clocks: str, heading: str, clusters: Clusters | None) -> str:
    """One clock, nominal and real ones, or the big cores' and the LITTLE ones'."""
    if heading == "fake/real" or clusters is None:
        return clocks
    mhz = [float(value) for value in clocks.split("/")]
    if clusters.big_share == 1:
        return f"{sum(mhz) / len(mhz):g}"
    names = [int(name) for name in re.findall(r"cpu(\d+)", heading)]
    if len(names) != len(mhz):
        return clocks
    of_core = dict(zip(names, mhz, strict=True))
    big = [value for core, value in of_core.items() if core in clusters.first_big]
    little = [value for core, value in of_core.items() if core not in clusters.first_big]
    return f"{sum(big) / len(big):g}/{max(little):g}"


def load_of_clusters(raw: pl.DataFrame) -> pl.DataFrame:
    """The monitoring under the common names: one clock, or two, and the section that ran.

    Two clocks are nominal/real on a Raspberry Pi, which logs its voltage as well, and big/LITTLE
    elsewhere. There the load is that of all cores, half of them big unless ``big_share`` tells.
    A section of one thread per core loads them alike; one of a single thread runs on each cluster
    in turn, a LITTLE core first. Other work at its side may fill a cluster, but no more than that.
    """
    if "big_share" not in raw.columns:
        raw = raw.with_columns(
            big_share=pl.lit(TWO_ALIKE.big_share), big_clusters=pl.lit(TWO_ALIKE.big)
        )
    clocks = pl.col("freq_field").str.extract_all(r"\d+(?:\.\d+)?")
    two = clocks.list.len() == 2
    pi = pl.col("extra").fill_null("").str.contains(r"\dV")
    load, big_share = numbers_in("cpu_pct") / 100, pl.col("big_share")
    single, on_little = _single_thread(pl.col("section").fill_null(""))
    on_big = pl.when(single).then(load * (1 - on_little) / big_share).otherwise(load).clip(0, 1)
    little = pl.when(single).then(load * on_little / (1 - big_share)).otherwise(load).clip(0, 1)
    clock = pl.when(pi).then(clocks.list.last()).otherwise(clocks.list.first())
    clocked = bool((raw["freq_field"].fill_null("") != "").any())
    return raw.select(
        "line",
        *([clock.alias("frequency_mhz")] if clocked else []),
        time_s=pl.col("t_s"),
        temperature_c=pl.col("temp_c"),
        load=pl.when(two & ~pi).then(on_big).otherwise(load),
        little_load=pl.when(two & ~pi).then(little).otherwise(0.0),
        workload=pl.col("section")
        .str.extract(r"(tinymembench|ramlat|OpenSSL|7-zip|cpuminer)")
        .fill_null(""),
    )


def _single_thread(section: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    """Tells a section of one thread, and the share of a sample's work that a LITTLE core does."""
    time_s = numbers_in("t_s")
    begin_s, end_s = time_s.min().over(section), time_s.max().over(section)
    passed = (time_s - begin_s) / (end_s - begin_s)
    clusters = 1 + pl.col("big_clusters")
    of_7_zip = LITTLE_TIMES_BIG / (LITTLE_TIMES_BIG + pl.col("big_clusters"))
    share = pl.when(section.str.contains("7-zip")).then(of_7_zip).otherwise(1 / clusters)
    in_turn = section.str.contains("OpenSSL")
    on_little = pl.when(in_turn).then(1 / clusters).otherwise((passed < share).cast(pl.Float64))
    return section.str.contains("single|tinymembench|ramlat|OpenSSL"), on_little


def numbers_in(name: str) -> pl.Expr:
    """A column's cells as numbers, null where they are none."""
    return pl.col(name).cast(pl.Float64, strict=False)
