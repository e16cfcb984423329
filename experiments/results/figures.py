"""Figures of a benchmark, drawn from its tables alone."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.patches import Patch
from numpy.typing import NDArray

from tvfs_gym.envs.files import write_whole
from tvfs_gym.experiments.results.folder import DRAWN_BY
from tvfs_gym.experiments.results.statistics import METRICS

matplotlib.rcParams["text.parse_math"] = False  # a dollar sign in a name is a dollar sign

ARGUMENT = ("performance", "topology_scaling", "frequency_reactive", "tvfs", "predictive")
"""The controllers of the published argument, in its order (nothing, one knob, the other, both), and
the one that follows heat and latency on line."""

BLUE, ORANGE, GREY, RED = "#1f5fa8", "#d9822b", "#8a8f98", "#c0392b"
_DPI = 120

BINS = 60
"""Parts of the time in which a course shows means and shares."""

Array = NDArray[np.float64]


def course(steps: pl.DataFrame, scenario: str, topologies: Sequence[str], path: Path) -> None:
    """Draws what controllers make of an episode, a column for each, over the same time.

    Above, temperature and latency with what lies beyond T_max and L_c shaded; below, what was
    chosen: clock, and shares of the topologies in every `BINS`-th of the time. A column's title
    says which share of its frames was reliable.

    Args:
        steps: A row per step; the first seed is drawn.
        scenario: Which scenario.
        topologies: Names, fastest first.
        path: PNG to write.
    """
    rows = steps.filter((pl.col("scenario") == scenario) & (pl.col("seed") == pl.col("seed").min()))
    present = rows["controller"].unique(maintain_order=True).to_list()
    shown = [name for name in ARGUMENT if name in present] or present[:4]
    figure, axes = plt.subplots(
        4,
        len(shown),
        figsize=(2.7 * len(shown) + 2.6, 7.4),
        sharex=True,
        sharey="row",
        squeeze=False,
    )
    own = {name: rows.filter(pl.col("controller") == name) for name in shown}
    frames = max(int(each["frames"].sum()) for each in own.values())
    scores = {name: float(each["reliable_frames"].sum()) / frames for name, each in own.items()}
    edges_s = np.linspace(0.0, _highest(own, "time_s"), BINS + 1)
    for column, name in zip(axes.T, shown, strict=True):
        _course_of(column, own[name], len(topologies), edges_s)
        weight = "bold" if scores[name] == max(scores.values()) else "normal"
        title = f"{name}\n{100 * scores[name]:.0f} % reliable"
        column[0].set_title(title, fontsize=11, fontweight=weight)
        column[3].set_xlabel("time, s")
        column[3].set_xlim(0, edges_s[-1])
    axes[0][0].set_ylim(top=max(axes[0][0].get_ylim()[1], _highest(own, "t_max_c") + 4))
    slowest_ms = _highest(own, "constraint_ms")
    axes[1][0].set_ylim(0, max(min(axes[1][0].get_ylim()[1], 3 * slowest_ms), 1.2 * slowest_ms))
    for column, name in zip(axes.T, shown, strict=True):
        time_s = own[name]["time_s"].to_numpy()
        for panel, limit in zip(column[:2], ("t_max_c", "constraint_ms"), strict=True):
            _shade_beyond(panel, time_s, own[name][limit].to_numpy())
    axes[0][0].set_ylabel("highest die\ntemperature, °C")
    axes[1][0].set_ylabel("frame latency, ms")
    axes[2][0].set_ylabel("clock, GHz")
    axes[3][0].set_ylabel("networks,\nshare of the time, %")
    axes[2][0].set_ylim(0, 2.1)
    axes[3][0].set_ylim(0, 100)
    _legend(axes[3][-1], topologies)
    figure.suptitle(
        f"{scenario}: reliable is a frame answered right, within L_c, at or below T_max\n"
        "red: beyond the limit; band: lowest to highest; dotted: all frames are done",
        fontsize=11,
    )
    save(figure, path)


def _highest(own: Mapping[str, pl.DataFrame], name: str) -> float:
    return max(float(rows[name].to_numpy().max()) for rows in own.values())


def _course_of(axes: Sequence[Axes], rows: pl.DataFrame, topologies: int, edges_s: Array) -> None:
    time_s = rows["time_s"].to_numpy()
    temperature, latency, clock, networks = axes
    for panel, low, mean, high in (
        (temperature, "temperature_c_highest", "temperature_c_highest", "temperature_c_highest"),
        (latency, "latency_ms_mean", "latency_ms_mean", "latency_ms_highest"),
        (clock, "frequency_ghz", "frequency_ghz", "frequency_ghz"),
    ):
        middles_s, lowest, means, highest = _binned(time_s, rows, (low, mean, high), edges_s)
        panel.fill_between(middles_s, lowest, highest, color=BLUE, alpha=0.2, lw=0)
        panel.plot(middles_s, means, color=BLUE, lw=1.3)
    shares = _shares(time_s, rows["topology"].to_numpy(), topologies, edges_s)
    begun = 0.5 * (edges_s[1:] + edges_s[:-1])[~np.isnan(shares[0])]
    networks.stackplot(begun, 100 * shares[:, ~np.isnan(shares[0])], colors=_shades(topologies))
    for panel in axes:
        panel.grid(alpha=0.2)
        if edges_s[-1] - time_s[-1] > edges_s[1]:
            panel.axvline(time_s[-1], color=GREY, lw=0.8, ls=":")


def _binned(
    time_s: Array, rows: pl.DataFrame, columns: tuple[str, str, str], edges_s: Array
) -> tuple[Array, Array, Array, Array]:
    """Middles of the bins that hold a step, and lowest, mean and highest value in each."""
    places = np.clip(np.searchsorted(edges_s, time_s, side="left") - 1, 0, len(edges_s) - 2)
    held = np.unique(places)
    low, mean, high = (rows[name].to_numpy() for name in columns)
    return (
        0.5 * (edges_s[held] + edges_s[held + 1]),
        np.array([low[places == place].min() for place in held]),
        np.array([mean[places == place].mean() for place in held]),
        np.array([high[places == place].max() for place in held]),
    )


def _shares(time_s: Array, topology: Array, count: int, edges_s: Array) -> Array:
    """Share of each topology in each bin's time, NaN where there is no step; (count, bins)."""
    begins = np.concatenate([[0.0], time_s[:-1]])
    overlap = np.minimum(time_s[:, None], edges_s[1:]) - np.maximum(begins[:, None], edges_s[:-1])
    seconds = np.stack(
        [np.maximum(overlap, 0.0)[topology == index].sum(axis=0) for index in range(count)]
    )
    total = seconds.sum(axis=0)
    return np.asarray(np.where(total > 0, seconds / np.where(total > 0, total, 1.0), np.nan))


def _shade_beyond(panel: Axes, time_s: Array, limit: Array) -> None:
    """Marks a limit that may change in the episode, and what lies beyond it."""
    panel.plot(time_s, limit, color=RED, lw=1, ls="--", drawstyle="steps-pre")
    panel.fill_between(time_s, limit, panel.get_ylim()[1], step="pre", color=RED, alpha=0.1, lw=0)


def _legend(panel: Axes, topologies: Sequence[str]) -> None:
    """Names of the topologies, the most accurate at the top, beside the last panel."""
    patches = [Patch(color=shade) for shade in _shades(len(topologies))]
    panel.legend(
        patches[::-1], list(topologies)[::-1], loc="center left", bbox_to_anchor=(1.02, 0.5),
        frameon=False, fontsize=8, title="accurate ... fast", title_fontsize=8,
    )  # fmt: skip


def _shades(count: int) -> list[tuple[float, float, float, float]]:
    """A colour per topology, darker for a more accurate one."""
    return [
        plt.get_cmap("YlGnBu")(0.15 + 0.8 * index / max(count - 1, 1)) for index in range(count)
    ]


def drawable(steps: pl.DataFrame) -> pl.DataFrame:
    """The steps with the columns that `course` draws, in the units it draws them in."""
    return steps.with_columns(
        temperature_c_highest=pl.col("temperature_max_c"),
        frequency_ghz=pl.col("frequency_mean_hz") / 1e9,
        latency_ms_mean=1e3 * pl.col("latency_mean_s"),
        latency_ms_highest=1e3 * pl.col("latency_max_s"),
        constraint_ms=1e3 * pl.col("latency_constraint_s"),
    )


def overview(summary: pl.DataFrame, metric: str, path: Path) -> None:
    """Draws one metric with its intervals: a panel per scenario, a row per controller.

    Args:
        summary: As from `tvfs_gym.experiments.results.statistics.metric_intervals`.
        metric: A key of `METRICS`.
        path: PNG to write.
    """
    heading, factor, _ = METRICS[metric]
    scenarios = summary["scenario"].unique(maintain_order=True).to_list()
    columns = min(3, len(scenarios))
    lines = -(-len(scenarios) // columns)
    height = max(2.6, 0.16 * summary["controller"].n_unique())
    figure, axes = plt.subplots(
        lines, columns, figsize=(3.6 * columns + 1.4, height * lines), sharex=True, sharey=True,
        squeeze=False,
    )  # fmt: skip
    for panel, scenario in zip(axes.flat, scenarios, strict=False):
        rows = summary.filter(pl.col("scenario") == scenario).reverse()
        mean = factor * rows[metric].to_numpy()
        # Where all seeds agree, an end can lie beside the mean by a rounding error.
        low = np.maximum(mean - factor * rows[f"{metric}_low"].to_numpy(), 0.0)
        high = np.maximum(factor * rows[f"{metric}_high"].to_numpy() - mean, 0.0)
        _dots(panel, rows, mean, (low, high))
        panel.set_title(scenario, fontsize=10)
    for panel in axes[-1]:
        panel.set_xlabel(heading)
    save(figure, path)


def ranking_figure(ranking: pl.DataFrame, path: Path) -> None:
    """Draws what share of the bound every controller reaches, best at the top, and its worst.

    Args:
        ranking: As from `tvfs_gym.experiments.results.aggregate.aggregate`.
        path: PNG to write.
    """
    rows = ranking.reverse()
    names = ("share", "share_low", "share_high", "worst")
    share, low, high, worst = (100 * rows[name].to_numpy() for name in names)
    figure, panel = plt.subplots(figsize=(7.5, 0.8 + 0.24 * len(share)))
    places = range(len(share))
    tvfs = [name.startswith("tvfs") for name in rows["controller"]]
    sides = np.maximum([share - low, high - share], 0.0)
    panel.errorbar(share, places, xerr=sides, fmt="none", ecolor=GREY)
    panel.scatter(
        share, places, c=[ORANGE if highlighted else BLUE for highlighted in tvfs], s=22, zorder=3
    )
    panel.set_yticks(places, rows["controller"].to_list())
    panel.scatter(worst, places, marker="|", color=RED, s=40, label="worst scenario")
    panel.legend(loc="upper left", frameon=False)
    panel.set_xlabel("reliable accuracy relative to the bound, % (mean over the scenarios)")
    panel.grid(alpha=0.25)
    save(figure, path)


def _dots(panel: Axes, rows: pl.DataFrame, values: Array, error: tuple[Array, Array]) -> None:
    """Draws a value and its interval per row; those of TVFS stand out."""
    places, names = range(len(values)), rows["controller"].to_list()
    colours = [ORANGE if name.startswith("tvfs") else BLUE for name in names]
    panel.errorbar(values, places, xerr=error, fmt="none", ecolor=GREY, capsize=2)
    panel.scatter(values, places, c=colours, s=22, zorder=3)
    panel.set_yticks(places, names)
    panel.grid(alpha=0.25)


def save(figure: plt.Figure, path: Path) -> None:
    """Writes a figure and closes it."""
    figure.tight_layout()
    content = BytesIO()
    figure.savefig(content, format="png", dpi=_DPI, metadata={"Source": DRAWN_BY})
    write_whole(path, content.getvalue())
    plt.close(figure)
