"""Figure of learning on the board."""

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from tvfs_gym.experiments.learning.figures import COLOURS
from tvfs_gym.experiments.results.figures import BLUE, plt, save


def curves_figure(curves: pl.DataFrame, rewards: Mapping[str, str], path: Path) -> None:
    """Draws reliable accuracy and the reward learnt from against frames, a column per learner.

    Thin lines are single seeds, thick ones their mean; the other controllers are level lines at
    their mean, in the lower row under the learner's reward.

    Args:
        curves: As from `tvfs_gym.experiments.learning.online.learning_curves`.
        rewards: Rewards that the learners learn from, by learner.
        path: PNG to write.
    """
    figure, panels = plt.subplots(
        2, len(rewards), figsize=(3.4 * len(rewards) + 2.2, 5.4), sharex=True, squeeze=False
    )
    others = [
        name for name in curves["controller"].unique(maintain_order=True) if name not in rewards
    ]
    for (upper, lower), (learner, reward) in zip(panels.T, rewards.items(), strict=True):
        own = curves.filter(pl.col("controller") == learner)
        for panel, column, factor in ((upper, "reliable_accuracy", 100.0), (lower, reward, 1.0)):
            for one in own.partition_by("seed"):
                panel.plot(
                    1e-3 * one["frames"], factor * one[column], color=BLUE, lw=0.5, alpha=0.5
                )
            mean = own.group_by("block").agg(pl.col("frames", column).mean()).sort("block")
            panel.plot(
                1e-3 * mean["frames"], factor * mean[column], color=BLUE, lw=2, label="learning"
            )
            for colour, name in zip(COLOURS[1:], others, strict=False):
                level = curves.filter(pl.col("controller") == name)[column].to_numpy().mean()
                panel.axhline(factor * level, color=colour, lw=1.2, ls="--", label=name)
            panel.grid(alpha=0.25)
        upper.set_title(learner, fontsize=9)
        upper.set_ylim(0, 100)
        lower.set_xlabel("thousand frames")
        lower.set_ylabel(f"reward {reward}")
    panels[0][0].set_ylabel("reliable accuracy, %")
    panels[0][-1].legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    save(figure, path)
