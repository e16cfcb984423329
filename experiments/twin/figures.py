"""Figures of a twin: measured and predicted temperature."""

from collections.abc import Mapping
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import NDArray

from tvfs_gym.experiments.results.figures import BLUE, GREY, ORANGE, RED, save
from tvfs_gym.experiments.twin.identification import Trace


def measured_against_predicted(
    trace: Trace,
    predicted: Mapping[str, NDArray[np.float64]],
    behind: NDArray[np.bool_],
    path: Path,
) -> None:
    """Draws a run's temperature, its free-run predictions, and its heat.

    Args:
        trace: The run.
        predicted: Temperatures by predictor, the model's first.
        behind: Which samples lie behind the window in which ambient and start were found.
        path: PNG to write.
    """
    figure, (temperature, heat) = plt.subplots(
        2, 1, figsize=(9, 6), sharex=True, height_ratios=(3, 1)
    )
    temperature.axvspan(0, trace.time_s[behind][0], color=GREY, alpha=0.15, lw=0, label="window")
    temperature.plot(trace.time_s, trace.temperature_c, color=GREY, lw=0.8, label="measured")
    styles = zip(predicted.items(), (BLUE, ORANGE, RED), ("-", "--", ":"), strict=False)
    for (name, values), colour, style in styles:
        temperature.plot(trace.time_s, values, color=colour, lw=1, ls=style, label=name)
    temperature.set_ylabel("temperature, °C")
    temperature.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    heat.plot(trace.time_s, trace.heat, color=ORANGE, lw=0.6)
    heat.set_ylabel("heat, W")
    heat.set_xlabel("time, s")
    save(figure, path)
