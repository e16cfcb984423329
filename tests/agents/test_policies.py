"""Policies as files."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.agents.tasks import observations, task
from tvfs_gym.agents.learners.learner import Learner
from tvfs_gym.agents.learners.lotus import Lotus
from tvfs_gym.agents.learners.q_table import QTable
from tvfs_gym.agents.learners.ztt import Ztt
from tvfs_gym.agents.policy import ARRAYS, CARD, GreedyPolicy
from tvfs_gym.agents.policy_file import load
from tvfs_gym.envs.errors import InputError

RNG = np.random.default_rng(5)
SEEN = observations(
    RNG.uniform(30, 90, 500), RNG.integers(0, 19, 500), relative_latency=0.8, count=500
)


def learners() -> list[Learner]:
    table = QTable(task())
    table.values = np.random.default_rng(1).random(table.values.shape)
    return [Ztt(task(), myopic=False), Lotus(task()), table]


@pytest.mark.parametrize("learner", learners(), ids=lambda one: type(one).__name__)
def test_a_loaded_policy_acts_as_the_saved_one(learner: Learner, tmp_path: Path) -> None:
    saved = learner.policy()
    saved.save(tmp_path)
    loaded = load(tmp_path)
    assert isinstance(loaded, GreedyPolicy)
    assert loaded.card == saved.card
    actions = saved.predict(SEEN)[0]
    assert np.array_equal(actions, loaded.predict(SEEN)[0])
    assert len(set(actions.tolist())) > 1
    assert all(loaded.action_space.contains(action) for action in actions)


@pytest.mark.parametrize("learner", learners(), ids=lambda one: type(one).__name__)
def test_a_batch_gets_the_actions_of_each_alone(learner: Learner) -> None:
    policy = learner.policy()
    alone = [policy.predict(one)[0] for one in SEEN]
    assert np.array_equal(policy.predict(SEEN)[0], alone)


def test_what_is_learnt_later_does_not_change_a_policy() -> None:
    learner = Ztt(task(), myopic=False)
    policy = learner.policy()
    before = policy.predict(SEEN)[0]
    for one in learner._values.network.parameters:
        one += 1.0
    assert np.array_equal(policy.predict(SEEN)[0], before)


def test_damaged_files_are_the_user_s_to_know_of(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"holds no policy: no {ARRAYS}"):
        load(tmp_path)
    Ztt(task(), myopic=False).policy().save(tmp_path)
    card = json.loads((tmp_path / CARD).read_text())
    (tmp_path / CARD).write_text(json.dumps({**card, "inputs": ["humidity"]}))
    with pytest.raises(InputError, match="'humidity', which the observation does not hold"):
        load(tmp_path)
    (tmp_path / CARD).write_text(json.dumps({**card, "kind": "oracle"}))
    with pytest.raises(InputError, match="kind"):
        load(tmp_path)
