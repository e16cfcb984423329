"""What the tests of baselines share."""

import pytest

from tvfs_gym.baselines import Design
from tvfs_gym.baselines.characterisation.characterisation import Characterisation
from tvfs_gym.envs.twin_env import TwinEnv


@pytest.fixture(scope="session")
def xu4(recorded_characterisation: Characterisation) -> Design:
    """What a controller may know of an Odroid-XU4 with the recorded networks."""
    return Design.of(TwinEnv("odroid_xu4", "recorded"), recorded_characterisation)
