"""What holds for every governor, whatever it reads."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.baselines.readings import readings
from tvfs_gym.baselines import Design, build
from tvfs_gym.baselines.controller import State

GOVERNORS = (
    "performance", "powersave", "userspace_half", "ondemand", "ondemand_ds3", "schedutil",
    "step_wise", "step_wise_hysteresis", "ds3_throttling", "ds3_dtpm", "power_allocator",
    "ipa_topology",
)  # fmt: skip

BOARDS = 3
steps = st.lists(
    st.tuples(
        st.lists(st.integers(20, 120), min_size=BOARDS, max_size=BOARDS),
        st.lists(st.floats(0.01, 0.5), min_size=BOARDS, max_size=BOARDS),
        st.lists(st.integers(0, 18), min_size=BOARDS, max_size=BOARDS),
    ),
    min_size=1,
    max_size=12,
)


def row(state: State, board: int) -> State:
    return tuple(one[board : board + 1] for one in state)


@pytest.mark.parametrize("name", GOVERNORS)
@settings(max_examples=30)
@given(steps)
def test_a_batch_is_every_board_alone_and_no_state_is_changed_in_place(
    name: str, xu4: Design, course: list[tuple[list[int], list[float], list[int]]]
) -> None:
    """With boards whose T_max and L_c differ."""
    controller = build(name, xu4)
    t_max_c, constraint_s = np.array([70.0, 85.0, 95.0]), np.array([0.04, 0.075, 0.2])
    state = controller.start(BOARDS)
    alone = [controller.start(1) for _ in range(BOARDS)]
    for temperature_c, latency_s, level in course:
        columns = {
            "temperature_c": np.array(temperature_c),
            "latency_mean_s": np.array(latency_s),
            "vf_level": np.array(level),
            "t_max_c": t_max_c,
            "latency_constraint_s": constraint_s,
        }
        before = [one.copy() for one in state]
        choice, after = controller.decide(readings(**columns), state)
        assert all(np.array_equal(one, was) for one, was in zip(state, before, strict=True))
        assert ((choice.vf_level >= 0) & (choice.vf_level <= xu4.highest)).all()
        for board in range(BOARDS):
            own = {key: column[board] for key, column in columns.items()}
            one, alone[board] = controller.decide(readings(**own), alone[board])
            assert one.topology[0] == choice.topology[board]
            assert one.vf_level[0] == choice.vf_level[board]
            for mine, ours in zip(alone[board], row(after, board), strict=True):
                assert np.array_equal(mine, ours)
        state = after
