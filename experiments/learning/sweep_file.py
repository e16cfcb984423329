"""The file of ``tvfs-gym sweep``: which trainings it asks for."""

from dataclasses import fields
from itertools import product
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, Field, ValidationError

from tvfs_gym.agents.training import Training
from tvfs_gym.envs.errors import InputError, invalid, unknown
from tvfs_gym.envs.inference.topology import DEFAULT_FAMILY
from tvfs_gym.envs.tables import Table
from tvfs_gym.envs.yaml_files import read_yaml

VARIED = ("algo", "reward", "board", "seed")
"""Keys that name a trial."""


class BenchmarkOfTrials(Table):
    """The benchmark after the trainings.

    Attributes:
        suite: Name or TOML file.
        seeds: Episodes per controller and scenario.
        frames: Frames per episode; None for the suite's.
        controllers: Controllers that run beside the policies.
    """

    suite: str = "main"
    seeds: int = Field(default=10, ge=1)
    frames: int | None = Field(default=None, ge=1)
    controllers: tuple[str, ...] = ("tvfs", "predictive")


class TrainingSweep(Table):
    """A file of ``tvfs-gym sweep``: keys as the options of ``tvfs-gym train``.

    Every further key is a field of `tvfs_gym.agents.training.Training`, the same for all trials.

    Attributes:
        algo: Algorithms.
        reward: Rewards, names or FILE.py:NAME; an empty one is the algorithm's own.
        board: Board profiles, names or TOML files.
        seed: Seeds of the trainings.
        family: Topology family: name or TOML file.
        conditions: True to draw L_c, T_max, load, arrivals and changes for every episode, too.
        randomise: True to draw another unit of the board and another room every episode.
        scenario: Values of `tvfs_gym.envs.scenario.Scenario`.
        benchmark: The benchmark after the trainings; None for none.
    """

    model_config = ConfigDict(frozen=True, extra="allow", allow_inf_nan=False)

    algo: tuple[str, ...] = Field(min_length=1)
    reward: tuple[str, ...] = Field(default=("",), min_length=1)
    board: tuple[str, ...] = Field(default=("odroid_xu4",), min_length=1)
    seed: tuple[int, ...] = Field(default=(0,), min_length=1)
    family: str = DEFAULT_FAMILY
    conditions: bool = False
    randomise: bool = False
    scenario: dict[str, Any] = Field(default={})
    benchmark: BenchmarkOfTrials | None = None

    @property
    def trainings(self) -> dict[str, Training]:
        """The trials by name, which tells what sets each apart.

        Raises:
            InputError: A key or a value is impossible, or two trials are the same.
        """
        further = dict(self.model_extra or {})
        known = [field.name for field in fields(Training) if field.name not in _OWN]
        for key in further:
            if key not in known:
                raise unknown("key of a sweep", key, [*type(self).model_fields, *known])
        trainings = {}
        for values in product(*(getattr(self, key) for key in VARIED)):
            algo, reward, board, seed = values
            environment = {
                "profile": board,
                "family": self.family,
                "scenario": self.scenario,
                "randomise": "conditions" if self.conditions else self.randomise,
                **({"reward": reward} if reward else {}),
            }
            name = self._name(dict(zip(VARIED, values, strict=True)))
            if name in trainings:
                raise InputError(f"the sweep holds the trial {name} twice: name it once.")
            trainings[name] = Training(name=algo, environment=environment, seed=seed, **further)
        return trainings

    def _name(self, values: dict[str, Any]) -> str:
        """Name of a trial and its folder: of the keys that have several values, and its seed."""
        told = [str(values[key]) for key in VARIED[:-1] if len(getattr(self, key)) > 1]
        stems = [Path(text.partition(":")[0]).stem + text.partition(":")[2] for text in told]
        own = [stem or "own" for stem in stems] or [values["algo"]]
        return "-".join([*own, f"seed{values['seed']}"])


_OWN = ("name", "environment", "seed")
"""Fields of a training that keys of the sweep fill."""


def read_trainings(path: Path) -> TrainingSweep:
    """Reads the file of a sweep.

    Raises:
        InputError: It cannot be read, or holds what cannot be swept.
    """
    several = {
        key: [value] if key in VARIED and not isinstance(value, list) else value
        for key, value in read_yaml(path).items()
    }
    try:
        return TrainingSweep.model_validate(several)
    except ValidationError as error:
        raise invalid(str(path), error) from error
