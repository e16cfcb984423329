"""Policies that are damaged, foreign or impossible are refused in a sentence."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import Cli
from tvfs_gym.agents.interface.features import G, Q
from tvfs_gym.agents.policy import ARRAYS, CARD, Card
from tvfs_gym.agents.policy_file import load, write
from tvfs_gym.agents.pretrained import FOLDER, boards_of, pretrained_names
from tvfs_gym.agents.rungs import INPUTS, RungNetwork, RungPolicy
from tvfs_gym.baselines import design_of
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.twin_env import TwinEnv
from tvfs_gym.experiments.controllers import policy_named, unsuited
from tvfs_gym.experiments.episodes import run_episode

Arrays = dict[str, Any]
SHIPPED = sorted(
    {card.parent for pattern in ("*", "*/*") for card in FOLDER.glob(f"{pattern}/{CARD}")}
)


STUDENT = "student"


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Whole policies of every kind: two that ship, and a student that learnt nothing."""
    network = RungNetwork.drawn((64, 32), np.random.default_rng(0))
    card = Card(
        kind="rungs", algorithm="dagger", board="odroid_xu4", family="recorded", topologies=7,
        vf_levels=19, scales=(15.0, 0.05, 0.2, 0.1), inputs=INPUTS, knowledge="characterised",
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("student")
    seen = np.random.default_rng(1).normal(size=(50, len(G) + 19 * len(Q))).astype(np.float32)
    write(RungPolicy(card, network), folder, seen)
    return {STUDENT: folder, "lotus": FOLDER / "lotus", "q_table": FOLDER / "q_table"}


def changed(
    source: Path, folder: Path, arrays: Callable[[Arrays], Any] | None = None, **card: Any
) -> Path:
    """A copy of a policy, with something changed."""
    with np.load(source / ARRAYS) as file:
        content = dict(file)
    if arrays is not None:
        arrays(content)
    np.savez_compressed(folder / ARRAYS, **content)
    told = json.loads((source / CARD).read_text())
    (folder / CARD).write_text(json.dumps({**told, **card}))
    return folder


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda folder: str(folder.relative_to(FOLDER)))
def test_what_ships_is_whole_and_small(folder: Path, cli: Cli) -> None:
    load(folder)
    assert folder.parent == FOLDER or folder.parent.name in pretrained_names()
    if boards_of(folder.parent.name):
        assert sum(file.stat().st_size for file in folder.iterdir()) <= 200_000
    done = cli("policy", "check", folder)
    assert done.returncode == 0 and "whole and finite" in " ".join(done.stdout.split())


def with_nan(arrays: Arrays) -> None:
    arrays["w_1"][0, 0] = np.nan


def transposed(arrays: Arrays) -> None:
    arrays["w_1"] = arrays["w_1"].T


def outside(arrays: Arrays) -> None:
    arrays["choices"][3] = 7, 0


def negative(arrays: Arrays) -> None:
    arrays["choices"][0] = 0, -1


def beyond(arrays: Arrays) -> None:
    arrays["table"][0, 0, 0, 0] = 70


MUTATIONS: list[tuple[str, Callable[[Arrays], Any] | None, dict[str, Any], str]] = [
    (STUDENT, with_nan, {}, "'w_1' holds NaN or infinity"),
    (STUDENT, transposed, {}, "'w_1' has the shape (32, 64)"),
    (STUDENT, lambda arrays: arrays.pop("b_2"), {}, "'b_2' is missing"),
    (STUDENT, lambda arrays: arrays.clear(), {}, "'w_0' is missing"),
    (STUDENT, None, {"inputs": ["board_heat"]}, "features that this version"),
    (STUDENT, None, {"knowledge": None}, "does not tell its knowledge"),
    (STUDENT, None, {"knowledge": "much"}, "knowledge"),
    (STUDENT, None, {"colour": "red"}, "unknown key"),
    ("lotus", with_nan, {}, "'w_1' holds NaN or infinity"),
    ("lotus", outside, {}, "choices lie outside the 7 topologies and 19 VF levels"),
    ("lotus", negative, {}, "choices lie outside"),
    ("lotus", lambda arrays: arrays.update(more=np.zeros(2)), {}, "'more' belongs to no such"),
    ("lotus", None, {"vf_levels": 5}, "choices lie outside"),
    ("lotus", None, {"kind": "table"}, "'edges_0' is missing"),
    ("q_table", beyond, {}, "names choices that it does not have"),
    ("q_table", None, {"kind": "rungs"}, "features that this version"),
]


@pytest.mark.parametrize(("source", "arrays", "card", "message"), MUTATIONS)
def test_a_policy_that_cannot_be_one_is_refused(
    source: str,
    arrays: Any,
    card: dict[str, Any],
    message: str,
    sources: dict[str, Path],
    tmp_path: Path,
    cli: Cli,
) -> None:
    folder = changed(sources[source], tmp_path, arrays, **card)
    with pytest.raises(InputError) as refused:
        load(folder)
    assert message in str(refused.value)
    done = cli("policy", "check", folder)
    assert done.returncode == 2 and "Traceback" not in done.stderr


@pytest.mark.parametrize("cut", [0, 10, 1_000, -30])
def test_files_that_are_cut_off_are_refused(
    cut: int, sources: dict[str, Path], tmp_path: Path
) -> None:
    folder = changed(sources[STUDENT], tmp_path)
    content = (folder / ARRAYS).read_bytes()
    (folder / ARRAYS).write_bytes(content[:cut])
    with pytest.raises(InputError, match="is damaged"):
        load(folder)
    (folder / ARRAYS).unlink()
    with pytest.raises(InputError, match="holds no policy"):
        load(folder)


def test_a_name_with_a_policy_per_board_takes_the_board_s() -> None:
    """The same name controls every board that it has learnt on, and none that it has not."""
    boards = boards_of(STUDENT)
    assert set(boards) == {"odroid_c2", "odroid_xu4", "raspberry_pi_3b", "raspberry_pi_4b"}
    for board in boards:
        env = TwinEnv(board, scenario={"frames": 200}, choose_passes=True)
        policy = policy_named(STUDENT, design_of(env))
        _, row = run_episode(env, policy, 0)
        assert row["reliable_accuracy"] > 0.5 and row["above_t_max_share"] < 0.02
    assert unsuited(STUDENT, "drawn:3", "recorded") is not None
    with pytest.raises(InputError, match="has a policy for each of odroid_c2, "):
        policy_named(STUDENT, design_of(TwinEnv("drawn:3", choose_passes=True), measures=False))
