"""The passive trips of the board that a governor in user space is designed for."""

from tvfs_gym.baselines.controller import Design
from tvfs_gym.envs.boards.profile import Trip
from tvfs_gym.envs.boards.thermal_map import passive_trips


def trips_of(design: Design, last_c: float) -> tuple[Trip, ...]:
    """Trips as `tvfs_gym.envs.boards.thermal_map.passive_trips` has them.

    Args:
        design: Knowledge before the run.
        last_c: Temperature of the last one, degC.

    Raises:
        InputError: The profile is of a board with other VF levels.
    """
    profile = None if design.profile is None else design.model("a map of trips")
    return passive_trips(profile, design.highest, last_c)
