"""Figures of the page about learned controllers."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl
from matplotlib.ticker import NullFormatter

from tvfs_gym.experiments.learning.curves import INTERFACES, Curve
from tvfs_gym.experiments.learning.protocol import GROUPS, Group
from tvfs_gym.experiments.results.figures import BLUE, GREY, ORANGE, RED, plt, save

FIRST_S = 120.0
"""Length of the beginning that is drawn."""

STEPS = (2e4, 1e5, 5e5)
"""Numbers of steps that are named below the curves."""

LEADS = (-30.0, 10.0)
"""Leads on `tvfs` that are drawn, points."""

PANELS = 4
"""Panels side by side."""

COLOURS = (BLUE, ORANGE, GREY, RED, "#2e8b57", "#7b4fa3")


def trainings_figure(
    rankings: Mapping[Group, pl.DataFrame],
    trainings: Mapping[Group, Mapping[str, Sequence[float]]],
    path: Path,
) -> None:
    """Draws the share of the bound of every controller and of every single training, by group.

    Args:
        rankings: As from `tvfs_gym.experiments.learning.judging.rankings`.
        trainings: Shares of every training, by group and learner.
        path: PNG to write.
    """
    figure, panels = plt.subplots(1, len(rankings), figsize=(3.4 * len(rankings), 3.4), sharey=True)
    names = rankings["all"].sort("share")["controller"].to_list()
    for panel, (group, ranking) in zip(panels, rankings.items(), strict=True):
        for place, name in enumerate(names):
            row = ranking.row(by_predicate=pl.col("controller") == name, named=True)
            ends = 100 * np.array([row["share_low"], row["share_high"]])
            panel.plot(ends, [place, place], color=GREY, lw=2)
            panel.plot(100 * row["share"], place, "o", color=BLUE, ms=5)
            single = 100 * np.array(trainings[group].get(name, ()))
            panel.plot(single, np.full(len(single), place - 0.25), "|", color=ORANGE, ms=7)
        panel.set_title(GROUPS[group], fontsize=8)
        panel.set_xlabel("share of the bound, %")
        panel.grid(alpha=0.25)
    panels[0].set_yticks(range(len(names)), names)
    save(figure, path)


def leads_figure(curves: Sequence[Curve], path: Path) -> None:
    """Draws the lead on `tvfs` against steps: a panel per algorithm, a line per training.

    Args:
        curves: The trainings.
        path: PNG to write.
    """
    algorithms = list(dict.fromkeys(curve.algorithm for curve in curves))
    rows = -(-len(algorithms) // PANELS)
    columns = min(len(algorithms), PANELS)
    figure, panels = plt.subplots(
        rows, columns, figsize=(2.4 * columns + 0.6, 2.3 * rows + 0.5), sharex=True, sharey=True,
        squeeze=False,
    )  # fmt: skip
    for panel in panels.flat[len(algorithms) :]:
        panel.set_visible(False)
    for algorithm, panel in zip(algorithms, panels.flat, strict=False):
        for curve in (one for one in curves if one.algorithm == algorithm):
            colour = COLOURS[INTERFACES.index(curve.interface)]
            panel.plot(curve.steps, curve.lead, color=colour, lw=0.9, marker=".", ms=3)
        panel.axhline(0.0, color=RED, lw=1, ls="--")
        panel.set_xscale("log")
        panel.set_xticks(STEPS, [f"{1e-3 * steps:g}" for steps in STEPS])
        panel.xaxis.set_minor_formatter(NullFormatter())
        panel.set_ylim(*LEADS)
        panel.set_title(algorithm, fontsize=9)
        panel.grid(alpha=0.25)
    for interface, colour in zip(INTERFACES, COLOURS, strict=False):
        panels[0][0].plot([], [], color=colour, label=interface)
    panels[0][0].legend(fontsize=7, loc="lower right")
    figure.supxlabel("steps of the environment, thousands", fontsize=9)
    figure.supylabel("reliable accuracy less tvfs', points", fontsize=9)
    save(figure, path)


def beginnings_figure(beginnings: Mapping[str, pl.DataFrame], path: Path) -> None:
    """Draws the first two minutes: temperature, and the reliable accuracy so far.

    Args:
        beginnings: Steps of one seed, by scenario, of the controllers to draw.
        path: PNG to write.
    """
    figure, panels = plt.subplots(
        2, len(beginnings), figsize=(3.4 * len(beginnings), 5.4), sharex=True, sharey="row",
        squeeze=False,
    )  # fmt: skip
    for (upper, lower), (scenario, steps) in zip(panels.T, beginnings.items(), strict=True):
        for colour, ((name,), own) in zip(
            COLOURS, steps.group_by("controller", maintain_order=True), strict=False
        ):
            time_s = own["time_s"].to_numpy()
            reliable = own["reliable_frames"].cum_sum() / own["frames"].cum_sum()
            upper.plot(time_s, own["temperature_max_c"], color=colour, lw=1.2, label=name)
            lower.plot(time_s, 100 * reliable, color=colour, lw=1.2)
        upper.axhline(steps["t_max_c"][0], color=RED, lw=1, ls="--")
        upper.set_title(scenario, fontsize=8)
        upper.set_xlim(0, FIRST_S)
        lower.set_xlabel("time from the first frame, s")
        for panel in (upper, lower):
            panel.grid(alpha=0.25)
    panels[0][0].set_ylabel("highest temperature, °C")
    panels[1][0].set_ylabel("reliable accuracy\nso far, %")
    panels[0][-1].legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    save(figure, path)
