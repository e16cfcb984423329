"""When a training first beats `tvfs`, and the figure of how it came on."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from tvfs_gym.envs.errors import InputError
from tvfs_gym.experiments.learning.curves import INTERFACES, Curve, curve_of, first_beats
from tvfs_gym.experiments.learning.figures import leads_figure


def curve(algorithm: str, interface: str, *lead: float) -> Curve:
    steps = 10_000 * np.arange(1, len(lead) + 1)
    return Curve(algorithm, interface, 0, steps, np.array(lead))


WITH, PLAIN = INTERFACES
CURVES = [
    curve("ppo", WITH, -3.0, 1.0, -0.5, 2.0),
    curve("ppo", WITH, 0.5, 0.7),
    curve("ppo", PLAIN, -20.0, -9.0, 0.0),
    curve("sac", WITH, -3.0),
]


def test_the_first_evaluation_that_is_ahead_counts_and_a_tie_is_not() -> None:
    found = first_beats(CURVES)
    assert found == {
        "ppo, table and history": [20_000, 10_000],
        "ppo, plain": [None],
        "sac, table and history": [None],
    }


def test_the_figure_has_a_panel_for_every_algorithm(tmp_path: Path) -> None:
    widths = []
    for some in (CURVES[:3], CURVES):
        leads_figure(some, tmp_path / "curves.png")
        widths.append(imread(tmp_path / "curves.png").shape[1])
    assert widths[1] > 1.4 * widths[0]


def test_a_folder_without_evaluations_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no evaluations of a training"):
        curve_of(tmp_path)
