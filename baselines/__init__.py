"""Baseline controllers: kernel governors, fixed choices, the published methods."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from tvfs_gym.baselines.characterisation.characterisation import Characterisation, characterise
from tvfs_gym.baselines.characterisation.file import read
from tvfs_gym.baselines.controller import Choice, Controller, Design
from tvfs_gym.baselines.fixed import MakeTwins, best_fixed
from tvfs_gym.baselines.governors.cpufreq import (
    ondemand,
    ondemand_ds3,
    performance,
    powersave,
    schedutil,
    userspace_half,
)
from tvfs_gym.baselines.governors.ds3 import ds3_dtpm, ds3_throttling
from tvfs_gym.baselines.governors.power_allocator import IpaTopology, PowerAllocator
from tvfs_gym.baselines.governors.step_wise import step_wise, step_wise_hysteresis
from tvfs_gym.baselines.model_based.alert import Alert, AlertReimplemented, AlertT
from tvfs_gym.baselines.model_based.generic import PredictiveGeneric
from tvfs_gym.baselines.model_based.predictive import Predictive, predictive_plain
from tvfs_gym.baselines.model_based.shield import Shield
from tvfs_gym.baselines.one_knob import Reactive, proactive, topology_scaling
from tvfs_gym.baselines.oracle import oracle
from tvfs_gym.baselines.tvfs.duty import TvfsDuty
from tvfs_gym.baselines.tvfs.passes import tvfs_passes
from tvfs_gym.baselines.tvfs.tvfs import Tvfs, tvfs_open_loop, tvfs_static
from tvfs_gym.envs.board_env import BoardEnv
from tvfs_gym.envs.boards.twin.board import TwinBoard
from tvfs_gym.envs.errors import InputError, unknown
from tvfs_gym.envs.observation import Reading
from tvfs_gym.envs.scenario import Scenario
from tvfs_gym.envs.twin_vector_env import TwinVectorEnv

__all__ = [
    "CONTROLLERS",
    "HINDSIGHT",
    "UNMEASURED",
    "Choice",
    "Controller",
    "Design",
    "MakeTwins",
    "Reading",
    "Shield",
    "build",
    "characterise",
    "design_of",
    "make",
]

CONTROLLERS: dict[str, Callable[[Design], Controller]] = {
    "performance": performance,
    "powersave": powersave,
    "ondemand": ondemand,
    "ondemand_ds3": ondemand_ds3,
    "schedutil": schedutil,
    "userspace_half": userspace_half,
    "step_wise": step_wise,
    "step_wise_hysteresis": step_wise_hysteresis,
    "power_allocator": PowerAllocator,
    "ipa_topology": IpaTopology,
    "ds3_throttling": ds3_throttling,
    "ds3_dtpm": ds3_dtpm,
    "topology_scaling": topology_scaling,
    "frequency_reactive": Reactive,
    "frequency_proactive": proactive,
    "tvfs_static": tvfs_static,
    "tvfs_open_loop": tvfs_open_loop,
    "tvfs": Tvfs,
    "tvfs_duty": TvfsDuty,
    "tvfs_passes": tvfs_passes,
    "alert": Alert,
    "alert_reimplemented": AlertReimplemented,
    "alert_t": AlertT,
    "predictive": Predictive,
    "predictive_plain": predictive_plain,
    "predictive_generic": PredictiveGeneric,
}
"""Factories of the baselines, by name, from their design."""

UNMEASURED = ("predictive_generic",)
"""Baselines that need no characterisation, and look at none."""

HINDSIGHT: dict[str, Callable[[Design, MakeTwins, Sequence[Scenario]], Controller]] = {
    "best_fixed": best_fixed,
    "oracle": oracle,
}
"""Factories of the baselines that know the very scenarios of the episodes to come, by name."""


def build(name: str, design: Design, **values: float | NDArray[np.float64]) -> Controller:
    """Builds a baseline.

    Args:
        name: One of `CONTROLLERS`.
        design: Knowledge before the run.
        **values: Parameters of `tvfs_gym.baselines.tuned.TUNED_PARAMETERS`; without them, those
            that were found; of `tvfs_gym.baselines.tuned.PER_BOARD` also a value for each board.

    Raises:
        InputError: There is no such baseline, or none of the board's configurations can meet the
            latency constraint.
    """
    if name not in CONTROLLERS:
        raise unknown("controller", name, CONTROLLERS)
    factory: Callable[..., Controller] = CONTROLLERS[name]
    return factory(design, **values)


def make(
    name: str,
    env: gymnasium.Env[Any, Any],
    characterisation: Characterisation | Path | str | None = None,
) -> Controller:
    """Builds a baseline for an environment.

    Args:
        name: One of `CONTROLLERS`.
        env: The environment, wrapped or not.
        characterisation: Characterisation of its board, or the file or folder that
            ``tvfs-gym characterise`` wrote; None to measure a twin now, in a room of 25 degC with
            its usual cooling, unless the baseline is one of `UNMEASURED`.

    Raises:
        InputError: There is no such baseline, no configuration meets the latency constraint, or
            the characterisation is missing or of another board.
    """
    if name not in CONTROLLERS:
        raise unknown("controller", name, CONTROLLERS)
    wrapped = env.unwrapped
    if not isinstance(wrapped, BoardEnv):
        raise InputError(f"{name} needs an environment of this package, not {wrapped}.")
    design = design_of(wrapped, characterisation, measures=name not in UNMEASURED)
    return CONTROLLERS[name](design)


def design_of(
    env: BoardEnv | TwinVectorEnv,
    characterisation: Characterisation | Path | str | None = None,
    measures: bool = True,
) -> Design:
    """Collects what is known of an environment's board before it runs.

    Args:
        env: The environment, unwrapped; of a batch, the first one's scenario counts.
        characterisation: As in `make`.
        measures: True to measure a twin if there is no characterisation; it is another twin.

    Raises:
        InputError: The characterisation is of another board.
    """
    if isinstance(characterisation, str | Path):
        characterisation = read(Path(characterisation)).of(env.board)
    if characterisation is None and measures and isinstance(env.board, TwinBoard):
        scenario = env.scenario if isinstance(env, BoardEnv) else env.scenarios[0]
        known = Scenario(t_max_c=scenario.t_max_c, throttling=scenario.throttling)
        characterisation = characterise(TwinBoard(env.board.profile, env.board.family), known)
    return Design.of(env, characterisation)
