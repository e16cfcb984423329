"""Figures of AdapTTA: passes, and accuracy against them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import NDArray

from tvfs_gym.experiments.adaptta.calibration import SweepPoint, pareto_front
from tvfs_gym.experiments.results.figures import BLUE, GREY, ORANGE, RED, save


def passes_distribution(passes: Mapping[str, NDArray[np.intp]], path: Path) -> None:
    """Draws the distribution of the passes per image, a panel per network and policy.

    Args:
        passes: Passes of every image, by title of the panel.
        path: PNG to write.
    """
    columns = min(4, len(passes))
    lines = -(-len(passes) // columns)
    figure, axes = plt.subplots(
        lines, columns, figsize=(3.0 * columns, 2.4 * lines), sharey=True, squeeze=False
    )
    for panel, (name, counts) in zip(axes.flat, passes.items(), strict=False):
        shares = 100 * np.bincount(counts)[1:] / len(counts)
        panel.bar(range(1, len(shares) + 1), shares, color=BLUE)
        panel.axvline(counts.mean(), color=ORANGE, lw=1.5, ls="--")
        panel.set_title(name, fontsize=8)
    for panel in axes[-1]:
        panel.set_xlabel("passes (dashed: mean)")
    for panel in axes[:, 0]:
        panel.set_ylabel("images, %")
    save(figure, path)


def pareto_fronts(points: Mapping[str, Sequence[SweepPoint]], path: Path) -> None:
    """Draws accuracy over mean passes: all points of a sweep, and their front.

    Args:
        points: Points of `tvfs_gym.experiments.adaptta.calibration.sweep_settings`, by network.
        path: PNG to write.
    """
    columns = min(4, len(points))
    lines = -(-len(points) // columns)
    figure, axes = plt.subplots(lines, columns, figsize=(3.2 * columns, 2.8 * lines), squeeze=False)
    for panel, (name, settings) in zip(axes.flat, points.items(), strict=False):
        limits = sorted({point.max_passes for point in settings})
        for limit, colour in zip(limits, (GREY, ORANGE, BLUE, RED), strict=False):
            group = [point for point in settings if point.max_passes == limit]
            accuracy = [100 * point.accuracy for point in group]
            label = f"at most {limit} passes"
            panel.plot(
                [point.passes for point in group], accuracy, ".", ms=4, color=colour, label=label
            )
        front = pareto_front(settings)
        accuracy = [100 * point.accuracy for point in front]
        panel.step([point.passes for point in front], accuracy, where="post", color=RED, lw=1)
        panel.set_title(name, fontsize=9)
        panel.grid(alpha=0.25)
    for panel in axes[-1]:
        panel.set_xlabel("mean passes (line: front)")
    for panel in axes[:, 0]:
        panel.set_ylabel("top-1 accuracy, %")
    axes[0][-1].legend(loc="lower right", frameon=False, fontsize=8)
    save(figure, path)
