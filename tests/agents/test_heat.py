"""The belief about the heat: of a board that nobody identified, what a step will lead to."""

import numpy as np
import pytest

from tvfs_gym.agents.interface.features import G, Q
from tvfs_gym.agents.interface.heat import HEAT_SIZE, SIZE, follow_heat, foresee_heat, unknown_heat
from tvfs_gym.agents.interface.interface import Interface
from tvfs_gym.baselines import Design
from tvfs_gym.envs.boards.window import Window
from tvfs_gym.envs.physics.thermal import RcNetwork
from tvfs_gym.envs.scenario import Scenario
from tvfs_gym.envs.twin_vector_env import TwinVectorEnv

NETWORK = RcNetwork((12.0, 9.0, 15.0), (0.1, 2.0, 20.0))
ROOM_C, STEP_S = 31.0, 0.8


def test_it_learns_any_network_from_a_minute_of_changing_power() -> None:
    """Rises of 36 K in a room that it does not know, by a sensor with steps of a degree."""
    rng = np.random.default_rng(3)
    heat, power = unknown_heat(0.05), 0.05
    nodes_c = NETWORK.steady_nodes_c(ROOM_C, power)
    follow_heat(heat, round(nodes_c[0]), power, 0.0, False)
    errors_c, sigmas_c = [], []
    for _ in range(150):
        power = float(rng.choice([0.1, 0.4, 0.7, 1.0]))
        foreseen_c, sigma_c = foresee_heat(heat, power, STEP_S)
        nodes_c = after(nodes_c, power)
        errors_c.append(foreseen_c - nodes_c[0])
        sigmas_c.append(sigma_c)
        follow_heat(heat, round(nodes_c[0]), power, STEP_S, False)
    assert np.sqrt(np.mean(np.square(errors_c[75:]))) < 0.5
    assert sigmas_c[-1] < 0.2 * sigmas_c[0]
    # In the first steps it does not know, and says so.
    assert np.all(np.abs(errors_c[:10]) < 3.0 * np.array(sigmas_c[:10]))


def after(nodes_c: np.ndarray, power: float) -> np.ndarray:
    """Node temperatures after a step."""
    rates, from_modes = NETWORK.modes[:, 0], NETWORK._modal[1]
    settled = np.linalg.solve(from_modes, NETWORK.steady_nodes_c(ROOM_C, power))
    modes = settled + (NETWORK.modes_of(nodes_c) - settled) * np.exp(-rates * STEP_S)
    return from_modes @ modes


def test_a_window_in_which_the_clock_changed_teaches_little() -> None:
    sure, unsure = unknown_heat(0.05), unknown_heat(0.05)
    for heat, doubt in ((sure, False), (unsure, True)):
        follow_heat(heat, 30.0, 0.05, 0.0, False)
        follow_heat(heat, 60.0, 0.1, STEP_S, doubt)
    gains = [heat[SIZE - 1 : 2 * (SIZE - 1)].sum() for heat in (sure, unsure)]
    assert gains[0] > 2.0 * gains[1]


def test_it_stays_finite_whatever_is_read() -> None:
    rng = np.random.default_rng(4)
    heat = unknown_heat(0.0)
    for _ in range(1000):
        follow_heat(heat, rng.uniform(-50, 200), rng.random(), rng.exponential(5.0), False)
    assert heat.shape == (HEAT_SIZE,) and np.isfinite(heat).all()
    assert foresee_heat(heat, 1.0, 1.0)[1] > 0.0


@pytest.mark.parametrize("board", ["odroid_xu4", "drawn:3"])
def test_of_a_board_that_nobody_measured_it_foresees_the_next_step(board: str) -> None:
    scenario = Scenario(frames=2000, latency_constraint_s=0.2, t_max_c=90.0)
    twins = TwinVectorEnv(8, board, scenario=scenario, choose_passes=True, randomise=True)
    interface = Interface(Design.of(twins, None), "generic")
    rng, errors_c = np.random.default_rng(5), []
    observations, _ = twins.reset(seed=800_000)
    features, state = interface.observe(observations)
    for step in range(60):
        rungs = rng.integers(interface.levels, size=8)
        # The kernel may take a level away; what it was warm for then is not what was foreseen.
        rungs = np.minimum(rungs, interface.levels * 2 // 3)
        choice, state = interface.choice(rungs, state)
        of_rungs = features[:, len(G) :].reshape(8, interface.levels, len(Q))
        foreseen = of_rungs[np.arange(8), rungs, Q.FORESEEN]
        observations, *_, info = twins.step(twins.actions.batch(*choice))
        features, state = interface.observe(observations, state)
        below_c = 90.0 - Window(info["window"]).temperature_c
        if step >= 20:
            close = np.abs(foreseen) < 5.0
            errors_c += (10.0 * foreseen - below_c)[close].tolist()
    assert len(errors_c) > 50
    assert np.sqrt(np.mean(np.square(errors_c))) < 2.5
