"""Where learning may win: a ration of energy, and a battery, reckoned from what episodes used.

No controller is told of either. A frame's energy is that of the episode's mean, as in an hour under
the same conditions. What is left of it after the ration is spent counts nothing.
"""

import polars as pl

from tvfs_gym.experiments.results.aggregate import REFERENCE, SCORE

RATION = 0.9
"""The ration of an hour: so much of what `REFERENCE` uses in the scenario."""

ENERGY, PHOTOGRAPHS = "energy_j_per_frame", "photograph_reliable"


def rationed(episodes: pl.DataFrame) -> pl.DataFrame:
    """Episodes whose score is the share of an hour's frames answered reliably from the ration.

    Args:
        episodes: As from `tvfs_gym.experiments.results.cells.read_episodes`, those of `REFERENCE`
            among them.
    """
    own = _with_reference(episodes)
    lasts = pl.min_horizontal(pl.lit(1.0), RATION * pl.col("reference_j") / pl.col(ENERGY))
    return _scaled(own, lasts)


def on_battery(episodes: pl.DataFrame) -> pl.DataFrame:
    """Episodes whose score is what a charge gives: reliable frames per energy, `REFERENCE`'s use 1.

    Args:
        episodes: As in `rationed`.
    """
    return _scaled(_with_reference(episodes), pl.col("reference_j") / pl.col(ENERGY))


def _with_reference(episodes: pl.DataFrame) -> pl.DataFrame:
    reference = (
        episodes.filter(pl.col("controller") == REFERENCE)
        .group_by("scenario")
        .agg(reference_j=pl.col(ENERGY).mean())
    )
    return episodes.join(reference, on="scenario", maintain_order="left")


def _scaled(episodes: pl.DataFrame, factor: pl.Expr) -> pl.DataFrame:
    """Scores times a factor; the bound of other scores is none, so they stand for themselves."""
    return episodes.with_columns(factor.alias("factor")).with_columns(
        pl.col(SCORE) * pl.col("factor"),
        pl.lit(1.0).alias("bound"),
        pl.col(PHOTOGRAPHS) * pl.col("factor"),
    )
