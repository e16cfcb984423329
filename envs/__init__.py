"""The gym: boards under continuous inference as Gymnasium environments.

Importing this package registers the environments; the modules behind them load when first used.
"""

from typing import TYPE_CHECKING, Any

import gymnasium

if TYPE_CHECKING:
    from tvfs_gym.envs.board_env import BoardEnv as BoardEnv
    from tvfs_gym.envs.scenario import Scenario as Scenario
    from tvfs_gym.envs.twin_vector_env import TwinVectorEnv as TwinVectorEnv

TWINS = {
    "tvfs_gym/OdroidXU4-v0": "odroid_xu4",
    "tvfs_gym/OdroidC2-v0": "odroid_c2",
    "tvfs_gym/RaspberryPi4B-v0": "raspberry_pi_4b",
    "tvfs_gym/RaspberryPi3B-v0": "raspberry_pi_3b",
}
"""Board profiles of the twins by environment id."""

for _id, _profile in TWINS.items():
    gymnasium.register(
        id=_id,
        entry_point="tvfs_gym.envs.board_env:twin_env",
        vector_entry_point="tvfs_gym.envs.twin_vector_env:TwinVectorEnv",
        kwargs={"profile": _profile},
    )


gymnasium.register(
    id="tvfs_gym/LinuxBoard-v0",
    entry_point="tvfs_gym.envs.linux_env:linux_env",
    nondeterministic=True,
)


def __getattr__(name: str) -> Any:
    if name == "BoardEnv":
        from tvfs_gym.envs.board_env import BoardEnv

        return BoardEnv
    if name == "Scenario":
        from tvfs_gym.envs.scenario import Scenario

        return Scenario
    if name == "TwinVectorEnv":
        from tvfs_gym.envs.twin_vector_env import TwinVectorEnv

        return TwinVectorEnv
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
