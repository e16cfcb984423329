"""Boards by the names that users give them."""

from dataclasses import fields
from inspect import unwrap
from typing import Any

from tvfs_gym.baselines.characterisation.file import known
from tvfs_gym.baselines.controller import too_slow
from tvfs_gym.envs.boards.board import Board, BoardInfo
from tvfs_gym.envs.boards.linux import LINUX
from tvfs_gym.envs.boards.profile import BoardProfile, load_profile
from tvfs_gym.envs.boards.twin.board import TwinBoard, check_possible
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.inference.topology import DEFAULT_FAMILY, Family, load_family
from tvfs_gym.envs.physics.latency import pass_latency_s
from tvfs_gym.envs.scenario import Scenario
from tvfs_gym.experiments.options import RealBoard


def open_board(
    name: str, family: str | None, real: RealBoard, nominal_latency_s: float | None = None
) -> Board:
    """Opens a board.

    Args:
        name: ``linux``, or a profile, name or TOML file, for its twin.
        family: Topology family, name or TOML file; None for the usual one.
        real: Options of a real board.
        nominal_latency_s: Scale of latencies in observations on a real board, as characterised;
            None to measure it anew.

    Raises:
        InputError: There is no such board or family, or the machine lacks something.
        BoardError: Another process controls the board, or it fails.
    """
    if name == LINUX:
        return _open_linux(family, real, nominal_latency_s)
    return TwinBoard(_profile(name, real), load_family(family or DEFAULT_FAMILY))


def _profile(name: str, real: RealBoard) -> BoardProfile:
    if real != RealBoard():
        raise InputError(
            "networks, pictures, threads and other options of a real board mean nothing to a twin: "
            f"leave them out, or give --board {LINUX}."
        )
    return load_profile(name)


def check_board(name: str, family: str | None, real: RealBoard, scenario: Scenario) -> None:
    """Refuses a twin that cannot be had in a scenario, and a machine whose clock nothing sets.

    Nothing is opened for that, and little is imported.

    Raises:
        InputError: As `open_board` and `Board.check`.
    """
    if name != LINUX:
        profile, networks = _profile(name, real), load_family(family or DEFAULT_FAMILY)
        check_possible(profile, scenario)
        fastest_s = _fastest_pass_s(profile, networks)
        if scenario.latency_constraint_s < fastest_s:
            raise too_slow(scenario.latency_constraint_s, fastest_s)
        return
    from tvfs_gym.envs.boards.linux.machine import check_clock
    from tvfs_gym.envs.boards.linux.options import options_of

    options = options_of(real.linux_options())
    if not options.allow_single_level:
        check_clock(real.root.absolute(), options.wishes)


def _fastest_pass_s(profile: BoardProfile, family: Family) -> float:
    """A pass of the fastest network at the highest clock, without compiling anything."""
    latency = profile.latency
    return unwrap(pass_latency_s)(
        profile.operating_points[-1].frequency_hz / 1e9,
        min(topology.relative_latency for topology in family.topologies),
        latency.clock_gcycles,
        latency.memory_s,
    )


def _open_linux(family: str | None, real: RealBoard, nominal_latency_s: float | None) -> Board:
    from tvfs_gym.envs.boards.linux.board import LinuxBoard
    from tvfs_gym.envs.linux_env import DEFAULT_LIVE_FAMILY

    options = real.linux_options()
    if nominal_latency_s is not None:
        options = {"nominal_latency_s": nominal_latency_s, **options}
    return LinuxBoard(
        load_family(family or DEFAULT_LIVE_FAMILY),
        real.models,
        real.images,
        real.threads,
        real.root,
        options,
    )


def suited(board: Board, scenario: Scenario) -> Scenario:
    """Adapts a scenario to a real board where nobody chose what it cannot do.

    Raises:
        InputError: The scenario asks for what the board cannot do; the board is closed then.
    """
    from tvfs_gym.envs.boards.linux.board import LinuxBoard

    if not isinstance(board, LinuxBoard):
        return scenario
    try:
        return board.suited(scenario)
    except InputError:
        board.close()
        raise


def facts(board: Board) -> dict[str, Any]:
    """Lists what the configuration of a run says of a board; null for what nobody knows."""
    info, profile = board.info, board.profile
    return {
        "boards": {info.name: None if profile is None else profile.model_dump(mode="json")},
        "real": info.real,
        "description": info.description,
        "threads": info.threads,
        "measures_power": info.measures_power,
        "runtime": info.runtime,
        "critical_c": info.critical_c,
        "passive_c": info.passive_c,
        "operating_points": [
            {"frequency_hz": known(point.frequency_hz), "voltage_v": known(point.voltage_v)}
            for point in board.operating_points
        ],
        "nominal_latency_s": board.nominal_latency_s,
        "views": board.views,
        "family": board.family.name,
        "topologies": board.family.names,
        "topology_family": board.family.model_dump(mode="json"),
    }


def info_of(config: dict[str, Any]) -> BoardInfo:
    """Finds the identity of a board in the configuration of a run."""
    (name,) = config["boards"]
    values = {field.name: config[field.name] for field in fields(BoardInfo) if field.name != "name"}
    return BoardInfo(name, **{**values, "passive_c": tuple(values["passive_c"])})
