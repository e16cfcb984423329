"""Learning curves of a run whose controllers learn as they run, in blocks of frames."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from tvfs_gym.envs.boards.window import Window
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.reward import reward_of
from tvfs_gym.experiments.controllers import LEARN, SHIELD, learner_and_reward
from tvfs_gym.experiments.learning.online_protocol import BLOCKS, END, LASTING
from tvfs_gym.experiments.results.cells import step_cells
from tvfs_gym.experiments.results.folder import CONFIG, read_json
from tvfs_gym.experiments.results.frames import write_parquet
from tvfs_gym.experiments.results.rewards import windows_scored
from tvfs_gym.experiments.results.statistics import mean_interval

CURVES = "learning.parquet"
"""File of a run: a row per controller, seed and block."""


def learns(controller: str) -> bool:
    """Tells whether a controller learns as it runs, behind a shield or not."""
    return controller.removeprefix(SHIELD).startswith(LEARN)


def rewards_learnt(controllers: Sequence[str]) -> dict[str, str]:
    """Names of the rewards that controllers learn from, by controller; of those that learn."""
    names = {name: name.removeprefix(SHIELD) for name in controllers if learns(name)}
    return {name: learner_and_reward(bare)[2] for name, bare in names.items()}


def learning_curves(folder: Path) -> pl.DataFrame:
    """Blocks of a run's episodes.

    Args:
        folder: Folder of ``tvfs-gym run``.

    Returns:
        A row per controller, seed and block. Columns: controller, seed, block, frames (answered
        until its end), reliable_accuracy, on_time_accuracy, late_share, above_t_max_share, and the
        mean of every reward that one of the controllers learns from, by its name.

    Raises:
        InputError: The folder holds no run with such a controller.
    """
    config = read_json(folder, CONFIG)
    rewards = sorted(set(rewards_learnt(config["controllers"]).values()))
    if not rewards:
        raise InputError(f"no controller of {folder} learns as it runs: none is named {LEARN}ALGO.")
    (scenario,) = config["scenarios"].values()
    block_frames = max(scenario["frames"] // BLOCKS, config["frames_per_step"])
    return pl.concat(_blocks(steps, rewards, block_frames) for steps in step_cells(folder)).sort(
        "controller", "seed", "block"
    )


def _blocks(steps: pl.DataFrame, rewards: Sequence[str], block_frames: int) -> pl.DataFrame:
    windows = steps.select(Window.fields).to_numpy()
    scored = {name: windows_scored(reward_of(name), name, windows) for name in rewards}
    until = pl.col("frames").cum_sum()
    numbered = steps.with_columns(
        block=((until - pl.col("frames")) // block_frames).cast(pl.Int64), until=until, **scored
    )
    frames, duration_s = pl.col("frames").sum(), pl.col("duration_s").sum()
    return numbered.group_by("controller", "seed", "block", maintain_order=True).agg(
        frames=pl.col("until").max(),
        reliable_accuracy=pl.col("reliable_frames").sum() / frames,
        on_time_accuracy=pl.col("on_time_correct_frames").sum() / frames,
        late_share=pl.col("late_frames").sum() / frames,
        above_t_max_share=pl.col("time_above_t_max_s").sum() / duration_s,
        **{name: pl.col(name).mean() for name in rewards},
    )


def write_curves(folder: Path) -> None:
    """Writes the learning curves of a run into its folder: `CURVES`, and a figure."""
    from tvfs_gym.experiments.learning.online_figure import curves_figure

    curves = learning_curves(folder)
    write_parquet(folder / CURVES, curves)
    names = read_json(folder, CONFIG)["controllers"]
    curves_figure(curves, rewards_learnt(names), folder / "figures" / "learning.png")


@dataclass(frozen=True)
class LearningSummary:
    """What learning on the board has come to.

    Attributes:
        first: Mean reliable accuracy in the first share `END` of the blocks, over the seeds.
        last: The same of the last share.
        more: Difference of the last from the reference's, paired by seed.
        more_low: Lower end of its 95 % interval over the seeds.
        more_high: Upper end.
        late_share: Share of late frames in the last blocks.
        above_t_max_share: Share of the time above T_max in all blocks.
        beaten_after: Frames after which the reference was beaten, by seed; None where it was not.
    """

    first: float
    last: float
    more: float
    more_low: float
    more_high: float
    late_share: float
    above_t_max_share: float
    beaten_after: list[int | None]


def summary_of(curves: pl.DataFrame, controller: str, reference: str) -> LearningSummary:
    """Compares a controller's curves with those of a reference, by the rules of the protocol."""
    own, other = _accuracy(curves, controller), _accuracy(curves, reference)
    count = max(round(END * own.shape[1]), 1)
    more = own[:, -count:].mean(axis=1) - other[:, -count:].mean(axis=1)
    low, high = mean_interval(more[:, np.newaxis])
    rows = curves.filter(pl.col("controller") == controller)
    late = rows.filter(pl.col("block") >= own.shape[1] - count)["late_share"]
    ends = rows.filter(pl.col("seed") == rows["seed"].min())["frames"].to_numpy()
    return LearningSummary(
        float(own[:, :count].mean()),
        float(own[:, -count:].mean()),
        float(more.mean()),
        float(low[0]),
        float(high[0]),
        float(late.to_numpy().mean()),
        float(rows["above_t_max_share"].to_numpy().mean()),
        [_beaten_after(difference, ends) for difference in own - other],
    )


def _accuracy(curves: pl.DataFrame, controller: str) -> Any:
    """Reliable accuracy, shape (seeds, blocks)."""
    rows = curves.filter(pl.col("controller") == controller)
    if rows.is_empty():
        raise InputError(f"the run has no episodes of {controller}.")
    by_seed = rows.partition_by("seed", maintain_order=True)
    return np.array([one["reliable_accuracy"].to_numpy() for one in by_seed])


def _beaten_after(difference: Any, ends: Any) -> int | None:
    """Frames until the mean difference over `LASTING` blocks is first above zero."""
    if len(difference) < LASTING:
        return None
    means = np.convolve(difference, np.full(LASTING, 1.0 / LASTING), "valid")
    above = np.flatnonzero(means > 0.0)
    return int(ends[above[0] + LASTING - 1]) if len(above) else None
