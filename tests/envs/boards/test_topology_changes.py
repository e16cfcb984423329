"""Changes between resident networks: what they cost on the twin, and how that is measured."""

from collections.abc import Callable
from math import inf

import numpy as np
import pytest

from tvfs_gym.baselines.characterisation.characterisation import characterise
from tvfs_gym.envs.boards.board import Configuration
from tvfs_gym.envs.boards.profile import load_profile
from tvfs_gym.envs.boards.twin.board import TwinBoard
from tvfs_gym.envs.boards.window import F
from tvfs_gym.envs.inference.topology import Family, load_family
from tvfs_gym.envs.scenario import scenario_of
from tvfs_gym.experiments.models import changes

COOL = {"policy": "1C", "t_max_c": 119.0}


def family_of(share: float) -> Family:
    """The recorded networks, every change to which costs a share of a pass."""
    family = load_family("recorded")
    members = [t.model_copy(update={"change_share": share}) for t in family.topologies]
    return family.model_copy(update={"topologies": tuple(members)})


def board_of(share: float) -> TwinBoard:
    return TwinBoard(load_profile("odroid_xu4"), family_of(share))


def latencies_s(share: float, topologies: list[int], frames: int = 4) -> np.ndarray:
    """Latencies of the frames, shape (topologies, frames), at the highest level."""
    board = board_of(share)
    board.reset(scenario_of(COOL), (5, 6))
    rows = []
    for topology in topologies:
        board.apply(Configuration(topology, 18))
        rows.append(board.infer(frames)[1][:, F.LATENCY_S])
    return np.array(rows)


@pytest.mark.parametrize("share", [0.02, 0.5])
def test_only_the_first_frame_after_a_change_takes_longer(share: float) -> None:
    """By the share of a pass of the network changed to; the episode's first network is ready."""
    order = [2, 2, 6, 0, 0, 6, 2]
    longer_s = latencies_s(share, order) - latencies_s(0.0, order)
    pass_s = board_of(share).pass_latency_s[:, 18]
    changed = [False, False, True, True, False, True, True]
    assert longer_s[:, 0] == pytest.approx(np.where(changed, share * pass_s[order], 0.0), abs=1e-9)
    assert longer_s[:, 1:] == pytest.approx(0.0, abs=1e-9)


def test_a_deadline_leaves_fewer_passes_to_the_frame_after_a_change() -> None:
    board, tight = board_of(1.0), {"policy": "10C", "tau": inf, "latency_constraint_s": 0.1}
    board.reset(scenario_of({**COOL, **tight}), (5, 6))
    board.apply(Configuration(0, 18))
    board.infer(1)
    board.apply(Configuration(4, 18))
    first, *others = board.infer(8)[1][:, F.PASSES]
    assert first == min(others) - 1
    board.apply(Configuration(4, 18))
    assert board.infer(1)[1][0, F.PASSES] >= min(others)


def test_a_characterisation_is_the_same_whatever_changes_cost() -> None:
    scenario = scenario_of({})
    dear, free = (characterise(board_of(share), scenario) for share in (0.5, 0.0))
    for field in ("pass_median_s", "pass_p99_s", "throttled_p99_s", "temperature_c"):
        assert np.array_equal(getattr(dear, field), getattr(free, field), equal_nan=True)


@pytest.mark.parametrize("name", ["recorded", "digits"])
def test_the_families_that_ship_say_what_a_change_costs_and_how_that_was_measured(
    name: str,
) -> None:
    for topology in load_family(name).topologies:
        assert topology.change_share >= 0
        assert "change share" in topology.source


def networks(clock: list[float], share: float) -> list[Callable[[], object]]:
    """Three passes of a made-up processor, longer right after another network's."""
    latest = [-1]

    def run(i: int) -> None:
        clock[0] += (1.0 + i) * (1.0 + (share if latest[0] != i else 0.0))
        latest[0] = i

    return [lambda i=i: run(i) for i in range(3)]  # type: ignore[misc]


@pytest.mark.parametrize("share", [0.0, 0.07])
def test_the_cost_of_a_change_is_measured(monkeypatch: pytest.MonkeyPatch, share: float) -> None:
    clock = [0.0]
    monkeypatch.setattr(changes, "process_time", lambda: clock[0])
    for found in changes.change_shares(networks(clock, share)):
        assert found.median == pytest.approx(share, abs=1e-9)
        assert found.quartiles == pytest.approx((share, share), abs=1e-9)


def test_a_single_network_is_never_changed_to() -> None:
    assert [found.median for found in changes.change_shares([lambda: None])] == [0.0]
