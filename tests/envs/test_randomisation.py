"""Domain randomisation: the boards that may exist, from what is known of one."""

from pathlib import Path

import gymnasium
import numpy as np
import pytest

import tvfs_gym  # noqa: F401
from tvfs_gym.envs.boards.profile import load_profile
from tvfs_gym.envs.boards.window import Window
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.randomisation import TRUNCATION, DomainRandomisation
from tvfs_gym.envs.scenario import Scenario, scenario_of
from tvfs_gym.envs.twin_env import TwinEnv

XU4 = load_profile("odroid_xu4")


def test_every_factor_spreads_as_far_as_the_profile_says() -> None:
    randomisation = DomainRandomisation(XU4)
    drawn = [randomisation.draw(Scenario(), (i, 0)) for i in range(2000)]
    # A normal variable truncated at two sigma keeps 0.88 of its standard deviation.
    for name, sigma in randomisation.log_sigmas(None).items():
        logs = np.log([getattr(one.unit, name) for one in drawn])
        assert np.abs(logs).max() <= TRUNCATION * sigma + 1e-9
        assert np.std(logs) == pytest.approx(0.88 * sigma, rel=0.06)
        assert np.mean(logs) == pytest.approx(0, abs=0.1 * sigma)
    rooms = [one.ambient_c for one in drawn]
    assert 15 <= min(rooms) < 16 and 39 < max(rooms) <= 40


def test_the_fit_s_uncertainty_joins_the_units() -> None:
    assert XU4.spread is not None
    fitted = XU4.cooling["fan"].resistance_log_se
    assert 0.02 < fitted < 0.2
    sigma = DomainRandomisation(XU4).log_sigmas("fan")["resistance"]
    assert sigma == pytest.approx(np.hypot(fitted, XU4.spread.resistance))
    assumed = DomainRandomisation(XU4).log_sigmas("fan_failed")["resistance"]
    assert assumed == XU4.spread.resistance


def test_what_the_scenario_says_stays() -> None:
    """Its own factors multiply; a ramp of the room keeps its height."""
    scenario = scenario_of(
        {
            "unit": {"resistance": 1.3},
            "latency_constraint_s": 0.2,
            "start_temperature_c": 50.0,
            "changes": [{"at_s": 5.0, "ambient_c": 35.0}],
        }
    )
    drawn = DomainRandomisation(XU4).draw(scenario, (3, 0))
    plain = DomainRandomisation(XU4).draw(Scenario(), (3, 0))
    assert drawn.unit.resistance == pytest.approx(1.3 * plain.unit.resistance)
    assert drawn.latency_constraint_s == 0.2
    assert drawn.changes[0].ambient_c == pytest.approx(drawn.ambient_c + 10)
    assert drawn.start_temperature_c is not None
    assert drawn.start_temperature_c >= max(50.0, drawn.ambient_c)


def test_an_environment_draws_a_board_per_episode_from_its_seed() -> None:
    env = gymnasium.make("tvfs_gym/OdroidXU4-v1", randomise=True)

    def rise(seed: int | None) -> list[float]:
        env.reset(seed=seed)
        for _ in range(30):
            window = Window(env.step(80)[4]["window"])
        return [window.temperature_mean_c, window.latency_mean_s]

    first, second, again = rise(7), rise(None), rise(7)
    assert first == again and first != second
    env.close()


def test_a_profile_that_does_not_know_its_units_is_refused(tmp_path: Path) -> None:
    from tvfs_gym.envs.boards.profile import PROFILES

    text = (PROFILES / "odroid_xu4.toml").read_text()
    (tmp_path / "mine.toml").write_text(text[: text.index("[spread]")])
    with pytest.raises(InputError, match=r"no section \[spread\]"):
        TwinEnv(str(tmp_path / "mine.toml"), randomise=True)
