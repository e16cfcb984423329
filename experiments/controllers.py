"""Resolves the controllers named on the command line: baselines, policies, a user's code."""

from collections.abc import Sequence
from inspect import isabstract
from pathlib import Path

from tvfs_gym.agents.live import LiveLearner
from tvfs_gym.agents.online import MakeLearner
from tvfs_gym.agents.policy import GreedyPolicy
from tvfs_gym.agents.policy_file import TrainedPolicy, load
from tvfs_gym.agents.pretrained import (
    boards_of,
    load_pretrained,
    not_for,
    pretrained_names,
    unsuited_pretrained,
)
from tvfs_gym.agents.rungs import ANY_BOARD, RungPolicy
from tvfs_gym.baselines import CONTROLLERS, HINDSIGHT, UNMEASURED, MakeTwins, Shield, build
from tvfs_gym.baselines.controller import Controller, Design, Policy
from tvfs_gym.baselines.fixed import Fixed
from tvfs_gym.envs.boards.board import Configuration
from tvfs_gym.envs.errors import InputError, unknown
from tvfs_gym.envs.reward import reward_of
from tvfs_gym.envs.scenario import Scenario
from tvfs_gym.envs.user_code import load_module
from tvfs_gym.experiments.progress import LOGGER

BASELINES = (*CONTROLLERS, *HINDSIGHT)

SHIELD = "shield:"
"""Sign before the name of a controller that runs behind a safety shield."""

LEARN = "learn:"
"""Sign before the name of a published learner that learns as it runs, and after a colon before the
reward that it learns from."""

AT = "@"
HIGHEST = "max"
"""Sign between topology and clock of a fixed configuration."""


def check_name(name: str) -> None:
    """Refuses what names nobody.

    Raises:
        InputError: It is no baseline, no policy of the package, no fixed configuration, no folder
            of a policy and no Python file of a controller, nor does it learn as it runs.
    """
    name = name.removeprefix(SHIELD)
    if name.startswith(LEARN):
        learner_and_reward(name)
        return
    names = (*BASELINES, *pretrained_names())
    known = name in names or _is_fixed(name) or Path(name).is_dir() or _is_code(name)
    if _is_code(name):
        _controller_in(Path(name))
    elif Path(name).is_dir() and name not in names:
        load(Path(name))
    if known:
        return
    if "," in name:
        raise InputError(
            f"expected one controller, not '{name}': repeat the option, as in --controller tvfs "
            "--controller performance."
        )
    if Path(name).is_file():
        raise InputError(f"expected a Python file or the folder of a training, not {name}.")
    if Path(name).suffix == ".py" or "/" in name:
        raise InputError(f"there is no file or folder {name}.")
    raise unknown("controller", name, names)


def unsuited(name: str, board: str, family: str) -> str | None:
    """Why a trained policy cannot run on a board, in a sentence; None if it can.

    Args:
        name: As in `policy_named`; of other kinds nothing is said.
        board: Profile: name or TOML file.
        family: Topology family: name or TOML file.
    """
    name = name.removeprefix(SHIELD)
    if name in pretrained_names():
        return unsuited_pretrained(name, board, family)
    return not_for(load(Path(name)), board, family) if Path(name).is_dir() else None


def is_measured(name: str) -> bool:
    """Tells whether a controller needs a characterisation of its board.

    Args:
        name: As in `policy_named`.
    """
    name = name.removeprefix(SHIELD)
    if name in UNMEASURED or name.startswith(LEARN):
        return False
    folder = Path(name).is_dir()
    if not folder and (name not in pretrained_names() or boards_of(name)):
        return True
    policy = load(Path(name)) if folder else load_pretrained(name)
    return not isinstance(policy, RungPolicy) or policy.knowledge == "characterised"


def policy_named(
    name: str,
    design: Design,
    twins: MakeTwins | None = None,
    scenarios: Sequence[Scenario] = (),
) -> Policy:
    """Builds a controller, or loads a policy.

    Args:
        name: A baseline; a policy that ships with the package; a fixed configuration,
            ``TOPOLOGY@MHZ`` or ``TOPOLOGY@max``; the folder of a training; or a Python file with
            one subclass of `tvfs_gym.baselines.controller.Controller`; ``learn:ALGO`` or
            ``learn:ALGO:REWARD``, a published learner that learns as it runs. After ``shield:``,
            the same behind a safety shield.
        design: Knowledge before the run.
        twins: Makes twins of scenarios, for those that know them; None on a board.
        scenarios: Those of the episodes to come, in the batch's order; a single one for all.

    Raises:
        InputError: There is no such one, or it cannot be had in this scenario.
    """
    check_name(name)
    if name.startswith(SHIELD):
        return Shield(policy_named(name.removeprefix(SHIELD), design, twins, scenarios), design)
    if name.startswith(LEARN):
        algorithm, make_learner, reward = learner_and_reward(name)
        return LiveLearner(algorithm, make_learner, reward, design)
    if name in CONTROLLERS:
        return build(name, design)
    if name in HINDSIGHT:
        if twins is None:
            raise InputError(f"{name} knows the scenario in advance: it runs on twins only.")
        return HINDSIGHT[name](design, twins, scenarios)
    if _is_fixed(name):
        return Fixed(design, fixed_configuration(name, design))
    if _is_code(name):
        return _controller_in(Path(name))(design)
    if name in pretrained_names():
        board = None if design.profile is None else design.profile.name
        return _fitting(name, load_pretrained(name, board), design)
    return _fitting(name, load(Path(name)), design)


def learner_and_reward(name: str) -> tuple[str, MakeLearner, str]:
    """Name of a published learner, what makes it, and the reward to learn from.

    Raises:
        InputError: There is no such learner or reward.
    """
    from tvfs_gym.agents.training import ALGORITHMS, LEARNERS  # and with it much of the package

    algorithm, _, reward = name.removeprefix(LEARN).partition(":")
    if algorithm not in LEARNERS:
        raise unknown("learner", algorithm, LEARNERS)
    make_learner = ALGORITHMS[algorithm].learner
    assert make_learner is not None
    reward = reward or ALGORITHMS[algorithm].reward
    reward_of(reward)
    return algorithm, make_learner, reward


def _fitting(name: str, policy: TrainedPolicy, design: Design) -> Policy:
    if isinstance(policy, RungPolicy) and policy.card.board == ANY_BOARD:
        return policy.on(design)
    own = policy.card.topologies, policy.card.vf_levels
    available = len(design.topologies), len(design.operating_points)
    if own != available:
        raise InputError(
            f"{name} was trained for {own[0]} topologies and {own[1]} VF levels, and this board "
            f"with this family has {available[0]} and {available[1]}: name the board and family of "
            "its training."
        )
    profile = design.profile
    if profile is not None and policy.card.board != profile.name:
        LOGGER.warning(f"{name} was trained for {policy.card.board}, and runs on {profile.name}.")
    return policy if isinstance(policy, GreedyPolicy) else policy.on(design)


def fixed_configuration(name: str, design: Design) -> Configuration:
    """The configuration that ``TOPOLOGY@MHZ`` names, or ``TOPOLOGY@max`` at the highest VF level.

    Raises:
        InputError: The board has no such topology or clock.
    """
    topology, _, clock = name.rpartition(AT)
    if topology not in design.topologies:
        raise unknown("topology", topology, design.topologies)
    if clock == HIGHEST:
        return Configuration(design.topologies.index(topology), design.highest)
    clocks = [f"{point.frequency_hz / 1e6:g}" for point in design.operating_points]
    if clock not in clocks:
        raise InputError(
            f"there is no VF level of '{clock}' MHz: choose one of {', '.join(clocks)}, {HIGHEST}."
        )
    return Configuration(design.topologies.index(topology), clocks.index(clock))


def _is_fixed(name: str) -> bool:
    return AT in name and not Path(name).exists()


def _is_code(name: str) -> bool:
    return name.endswith(".py") and Path(name).is_file()


def _controller_in(path: Path) -> type[Controller]:
    """The one controller that a file defines."""
    module = load_module(path)
    found = [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, Controller)
        and value.__module__ == module.__name__
        and not isabstract(value)
    ]
    if len(found) != 1:
        names = ", ".join(candidate.__name__ for candidate in found) or "none"
        raise InputError(
            f"expected one subclass of tvfs_gym.baselines.Controller in {path}, found: {names}."
        )
    return found[0]
