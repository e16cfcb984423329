"""Episodes: whoever chooses, in whatever action space, the environment is the same."""

from typing import Any

import gymnasium
import numpy as np
import pytest

from tvfs_gym.baselines.controller import Design
from tvfs_gym.baselines.fixed import Fixed
from tvfs_gym.envs import BoardEnv, Configuration, InputError, TwinEnv, TwinVectorEnv
from tvfs_gym.envs.actions import ActionKind
from tvfs_gym.experiments.episodes import run_episode, run_episodes

SHORT = {"frames": 40}


class Constant:
    """A predictor that always answers one configuration, in an action space of its own."""

    def __init__(self, env: BoardEnv, configuration: Configuration) -> None:
        self.action_space = env.action_space
        self._action = env.action(configuration)

    def predict(
        self, observation: Any, state: Any = None, *_: Any, deterministic: bool = False
    ) -> Any:
        return np.array([self._action] * len(observation)), state


@pytest.mark.parametrize("kind", ["discrete", "multi_discrete", "box"])
@pytest.mark.parametrize("max_passes", [None, 3])
def test_a_predictor_of_any_action_space_runs_with_a_pass_budget(
    kind: ActionKind, max_passes: int | None
) -> None:
    configuration = Configuration(4, 12, max_passes)
    own = TwinEnv(action_space=kind, choose_passes=max_passes is not None)
    predictor = Constant(own, configuration)
    env = TwinEnv(scenario=SHORT, choose_passes=True)
    steps, row = run_episode(env, predictor, 1)
    expected = run_episode(env, Fixed(Design.of(env, None), configuration), 1)
    assert row == expected[1]
    assert all(np.array_equal(steps[name], column) for name, column in expected[0].items())
    twins = TwinVectorEnv(1, scenario=SHORT, choose_passes=True, info_frames=True)
    assert run_episodes(twins, predictor, [1])[0][1] == row


def test_a_predictor_of_another_boards_actions_is_refused() -> None:
    predictor = Constant(TwinEnv("raspberry_pi_4b"), Configuration(0, 0))
    assert predictor.action_space == gymnasium.spaces.Discrete(70)
    with pytest.raises(InputError, match=r"for Discrete\(70\), and this board .* Discrete\(133\)"):
        run_episode(TwinEnv(scenario=SHORT), predictor, 0)
