"""Hyper-parameters of stable-baselines3's algorithms: a file for each, in rl-zoo's format.

An entry is found by the environment's id, or else under ``default``. What rl-zoo writes as Python
(``policy_kwargs: dict(activation_fn=nn.ReLU)``) is read without running it.
"""

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.yaml_files import read_yaml

FOLDER = Path(__file__).parent

DEFAULT = "default"
"""Entry for every environment that has none of its own."""

NOT_OF_THE_MODEL = ("n_timesteps", "n_envs", "env_kwargs", "env_wrapper", "normalize")
"""Keys that the algorithm's constructor does not take."""

SHARES = ("gamma", "gae_lambda", "tau", "exploration_fraction")
"""Those that lie between 0 and 1."""

Wrapper = tuple[str, dict[str, Any]]
"""A wrapper's dotted name, and its arguments."""


@dataclass(frozen=True)
class Hyperparameters:
    """Hyper-parameters of a training.

    Attributes:
        values: By name, as in the file.
    """

    values: dict[str, Any]

    def __post_init__(self) -> None:
        """Checks what can be checked without the algorithm.

        Raises:
            InputError: A value is missing or impossible.
        """
        for name in ("n_timesteps", "n_envs"):
            value = self.values.get(name)
            if not isinstance(value, int | float) or value < 1:
                raise InputError(f"{name} must be a number of at least 1, not {value!r}.")
        for name in SHARES:
            value = self.values.get(name, 0.0)
            if not isinstance(value, int | float) or not 0.0 <= value <= 1.0:
                raise InputError(f"{name} must lie between 0 and 1, not {value!r}.")

    @property
    def n_timesteps(self) -> int:
        """Environment steps, over all twins together."""
        return int(self.values["n_timesteps"])

    @property
    def n_envs(self) -> int:
        """Twins."""
        return int(self.values["n_envs"])

    @property
    def env_kwargs(self) -> dict[str, Any]:
        """Arguments of the environment.

        Passes are for the table to choose: without wrappers nobody does, since a policy of network,
        level and passes cannot be taken out.
        """
        own = dict(self.values.get("env_kwargs") or {})
        if not self.wrappers:
            own.pop("choose_passes", None)
        return own

    @property
    def wrappers(self) -> list[Wrapper]:
        """Wrappers of the environment, the innermost first."""
        named = self.values.get("env_wrapper") or []
        entries = named if isinstance(named, list) else [named]
        return [
            next((name, arguments or {}) for name, arguments in entry.items())
            if isinstance(entry, dict)
            else (entry, {})
            for entry in entries
        ]

    @property
    def normalize(self) -> dict[str, Any] | None:
        """Arguments of stable-baselines3's ``VecNormalize``; None for none."""
        value = evaluated(self.values.get("normalize", False))
        if not value:
            return None
        return dict(value) if isinstance(value, dict) else {}

    @property
    def of_the_model(self) -> dict[str, Any]:
        """Those that the algorithm's constructor takes, with Python's literals evaluated."""
        return {
            name: evaluated(value)
            for name, value in self.values.items()
            if name not in NOT_OF_THE_MODEL
        }


def load_hyperparameters(
    algorithm: str,
    environment_id: str,
    overrides: Sequence[str] = (),
    file: Path | None = None,
) -> Hyperparameters:
    """Loads the hyper-parameters of a training.

    Args:
        algorithm: Name of the file that ships.
        environment_id: Of the environment that is trained on.
        overrides: Other values, each ``NAME:VALUE``, as rl-zoo's ``-params`` takes them.
        file: A file of the user's own instead of the one that ships.

    Raises:
        InputError: The file is no such one, or a value is impossible.
    """
    path = file or FOLDER / f"{algorithm}.yml"
    entries = read_yaml(path)
    entry = entries.get(environment_id, entries.get(DEFAULT))
    if not isinstance(entry, dict):
        raise InputError(
            f"{path} has no hyper-parameters for {environment_id}: name it, or {DEFAULT}."
        )
    return Hyperparameters({**entry, **dict(_override(text) for text in overrides)})


def _override(text: str) -> tuple[str, Any]:
    name, sign, value = text.partition(":")
    if not sign or not name.isidentifier() or not value:
        raise InputError(f"a hyper-parameter is NAME:VALUE, as in gamma:0.9, not '{text}'.")
    return name, evaluated(value)


def evaluated(value: Any) -> Any:
    """What a text means as Python, as far as it is a literal; everything else as it is.

    Besides literals, ``dict(NAME=...)`` is understood, and names such as ``nn.ReLU`` stay texts.
    """
    if not isinstance(value, str):
        return value
    try:
        return _literal(ast.parse(value.strip(), mode="eval").body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # parentheses without end
        return value


def _literal(node: ast.expr) -> Any:
    if isinstance(node, ast.List | ast.Tuple):
        items = [_literal(item) for item in node.elts]
        return items if isinstance(node, ast.List) else tuple(items)
    if isinstance(node, ast.Dict) and None not in node.keys:
        keys = [_literal(key) for key in node.keys if key is not None]
        return dict(zip(keys, map(_literal, node.values), strict=True))
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "dict" and not node.args:
        return {word.arg: _literal(word.value) for word in node.keywords if word.arg}
    if isinstance(node, ast.Attribute):
        return ast.unparse(node)
    return ast.literal_eval(node)
