"""Whom a command names: baselines, trained policies, controllers in a file of the user's own."""

from importlib.util import module_from_spec, spec_from_file_location
from inspect import isabstract
from pathlib import Path

from tvfs_gym.agents.pretrained import load_pretrained, not_for, pretrained_names
from tvfs_gym.agents.training import load_policy
from tvfs_gym.baselines import CONTROLLERS, HINDSIGHT, Twins, build
from tvfs_gym.baselines.controller import Controller, Design, Policy
from tvfs_gym.envs.errors import InputError, unknown


def check_name(name: str) -> None:
    """Refuses what names nobody.

    Raises:
        InputError: It is no baseline, no policy of the package, no folder and no Python file.
    """
    names = [*CONTROLLERS, *HINDSIGHT, *pretrained_names()]
    if name not in names and not Path(name).is_dir() and not _is_code(name):
        raise unknown("controller", name, names)


def unsuited(name: str, board: str, family: str) -> str | None:
    """Why a policy of the package cannot run on a board, in a sentence; None if it can.

    Args:
        name: As in `policy_named`; of other kinds nothing is said.
        board: Profile: name or TOML file.
        family: Topology family: name or TOML file.
    """
    if name not in pretrained_names():
        return None
    return not_for(load_pretrained(name), board, family)


def policy_named(name: str, design: Design, twins: Twins | None = None) -> Policy:
    """Builds a controller, or loads a policy.

    Args:
        name: A baseline; a policy that ships with the package; the folder of a training; or a
            Python file with one subclass of `tvfs_gym.baselines.controller.Controller`.
        design: What it may know beforehand.
        twins: The very scenario, for those that know it; None on a board.

    Raises:
        InputError: There is no such one, or it cannot be had in this scenario.
    """
    check_name(name)
    if name in CONTROLLERS:
        return build(name, design)
    if name in HINDSIGHT:
        if twins is None:
            raise InputError(f"{name} knows the scenario in advance: it runs on twins only.")
        return HINDSIGHT[name](design, twins)
    if _is_code(name):
        return _controller_in(Path(name))(design)
    if name in pretrained_names():
        return load_pretrained(name)
    return load_policy(Path(name))


def _is_code(name: str) -> bool:
    return name.endswith(".py") and Path(name).is_file()


def _controller_in(path: Path) -> type[Controller]:
    """The one controller that a file defines."""
    spec = spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise InputError(f"cannot run {path}: {type(error).__name__}: {error}.") from error
    found = [
        one
        for one in vars(module).values()
        if isinstance(one, type)
        and issubclass(one, Controller)
        and one.__module__ == module.__name__
        and not isabstract(one)
    ]
    if len(found) != 1:
        names = ", ".join(one.__name__ for one in found) or "none"
        raise InputError(
            f"expected one subclass of tvfs_gym.baselines.Controller in {path}, found: {names}."
        )
    return found[0]
