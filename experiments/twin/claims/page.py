"""The page about claims that hold by construction."""

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import jinja2

from tvfs_gym.envs.boards.profile import load_profile
from tvfs_gym.envs.scenario import Scenario
from tvfs_gym.experiments.results.folder import installed_versions
from tvfs_gym.experiments.results.tables import markdown_table
from tvfs_gym.experiments.twin.claims import activity, published
from tvfs_gym.experiments.twin.claims.activity import SteadyState
from tvfs_gym.experiments.twin.claims.published import CONSTRAINTS_S, CONTROLLERS, T_MAX_C, Outcome

TEMPLATE = files("tvfs_gym.experiments.twin.claims") / "claims.md"

BOARD, LIMIT_C = "odroid_xu4", 85.0
PLACES = (("fan", 25.0), ("fan", 35.0), ("xu3_fan", 25.0), ("xu3_fan", 35.0))
"""Coolings and rooms of the sweep over the activity."""

ALIKE_K = 3.0
"""Two temperatures are alike within the baselines' guard to T_max."""

PUBLISHED_BELOW_K, PUBLISHED_LOSSES = 16.4, (0.9, 3.1)
NEAR_K, NEAR_POINTS = 2.0, 0.3

SWEEP_HEADER = ("activity", "settles at, °C", "cooler by, °C", "sustained, MHz")


def write(checkout: Path, seeds: int) -> None:
    """Sweeps both, and writes docs/claims.md.

    Args:
        checkout: Checkout whose docs are updated.
        seeds: Episodes per L_c and T_max, at least two.
    """
    outcomes = list(published.limits_swept(seeds, BOARD))
    text = jinja2.Template(TEMPLATE.read_text(encoding="utf-8"), keep_trailing_newline=True).render(
        board=BOARD,
        t_max_c=LIMIT_C,
        alike_k=ALIKE_K,
        near_k=NEAR_K,
        near_points=NEAR_POINTS,
        seeds=seeds,
        frames=Scenario().frames,
        sweeps=[_sweep(cooling, ambient_c) for cooling, ambient_c in PLACES],
        outcomes=[(name, _outcome_table(name, outcomes)) for name in CONTROLLERS],
        near_low=_where(outcomes, PUBLISHED_LOSSES[0]),
        near_high=_where(outcomes, PUBLISHED_LOSSES[1]),
        versions=", ".join(f"{name} {version}" for name, version in installed_versions().items()),
    )
    (checkout / "docs" / "claims.md").write_text(text, encoding="utf-8")


def _sweep(cooling: str, ambient_c: float) -> tuple[str, str, str, str]:
    found = activity.activities_swept(load_profile(BOARD), cooling, ambient_c, LIMIT_C)
    rows = [
        [
            f"{row.activity:.2f}",
            f"{row.temperature_c:.1f}",
            f"{row.cooler_k:+.1f}",
            f"{row.sustained_hz / 1e6:.0f}",
        ]
        for row in found
    ]
    return (
        f"cooling {cooling}, a room of {ambient_c:g} °C",
        markdown_table(SWEEP_HEADER, rows),
        _activities([row for row in found if abs(row.cooler_k) <= ALIKE_K]),
        _activities([row for row in found if row.temperature_c > LIMIT_C]),
    )


def _activities(rows: Sequence[SteadyState]) -> str:
    if not rows:
        return "none"
    if len(rows) == 1:
        return f"an activity of {rows[0].activity:.2f}"
    return f"activities of {rows[0].activity:.2f} to {rows[-1].activity:.2f}"


def _outcome_table(name: str, outcomes: Sequence[Outcome]) -> str:
    rows = []
    for t_max_c in T_MAX_C:
        of_row = [one for one in outcomes if (one.controller, one.t_max_c) == (name, t_max_c)]
        rows.append([f"{t_max_c:g}", *map(_cell, of_row)])
    header = ("T_max, °C", *(f"L_c {1e3 * constraint_s:g} ms" for constraint_s in CONSTRAINTS_S))
    return markdown_table(header, rows)


def _cell(outcome: Outcome) -> str:
    below = f"{outcome.below_k:.1f}"
    below = f"**{below}**" if _near_temperature(outcome) else below
    return f"{outcome.loss:.1f} ±{outcome.loss_se:.1f}; {below}"


def _near_temperature(outcome: Outcome) -> bool:
    return abs(outcome.below_k - PUBLISHED_BELOW_K) <= NEAR_K


def _where(outcomes: Sequence[Outcome], loss: float) -> str:
    """Places with the published temperature and this loss."""
    found = [
        f"{outcome.controller} at {1e3 * outcome.constraint_s:g} ms, {outcome.t_max_c:g} °C"
        for outcome in outcomes
        if _near_temperature(outcome)
        and abs(outcome.loss - loss) <= max(outcome.loss_se, NEAR_POINTS)
    ]
    return "; ".join(found) or "nowhere"
