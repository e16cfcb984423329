"""A safety shield's veto acts on the clock of a real board."""

import pytest

from tests.envs.boards.conftest import Opened
from tests.envs.boards.fake_sysfs import KHZ, FakeKernel
from tvfs_gym.baselines.controller import Design
from tvfs_gym.envs.board_env import BoardEnv
from tvfs_gym.envs.scenario import Scenario
from tvfs_gym.experiments.controllers import policy_named
from tvfs_gym.experiments.episodes import Episode


@pytest.mark.parametrize(
    ("temperature_c", "vetoed"), [(45.0, False), (84.5, True)], ids=["cool", "hot"]
)
def test_a_veto_lowers_the_clock_of_a_hot_board_alone(
    kernel: FakeKernel, board: Opened, temperature_c: float, vetoed: bool
) -> None:
    """Without profile or characterisation; the highest clock is asked for throughout.

    Before its first look at the heat that a step makes, the shield trusts no board.
    """
    opened = board()
    scenario = Scenario(frames=20, t_max_c=85.0, latency_constraint_s=0.5)
    env = BoardEnv(opened, scenario, 5, "on_time_accuracy", choose_passes=True)
    policy = policy_named("shield:digits_0.5_48@max", Design.of(env, None))
    kernel.heat(temperature_c)
    episode = Episode(env, policy, 0)
    clocks = [round(window.frequency_hz / 1e3) for window in episode][1:]
    assert all((clock < KHZ[-1]) == vetoed for clock in clocks), clocks
    assert episode.row()["vetoes"] == (4 if vetoed else 1)
    written = [value for name, value in kernel.writes if name == "scaling_setspeed"]
    assert (written[-1] != str(KHZ[-1])) == vetoed
    opened.close()
    assert (kernel.folder / "scaling_governor").read_text().strip() == "schedutil"
