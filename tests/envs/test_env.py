"""The environment: Gymnasium's contract, determinism, and what a step delivers."""

import os
import pickle
import re
import subprocess
import sys
import warnings
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from hypothesis import given
from hypothesis import strategies as st

import tvfs_gym
from tvfs_gym.envs import jit as jit_module
from tvfs_gym.envs.board_env import BoardEnv
from tvfs_gym.envs.boards.board import Configuration
from tvfs_gym.envs.boards.window import F, W, Window
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.observation import FEATURES
from tvfs_gym.envs.reward import REWARDS
from tvfs_gym.envs.scenario import Scenario, scenario_of
from tvfs_gym.envs.twin_env import TwinEnv

IDS = [name for name in gymnasium.registry if name.startswith("tvfs_gym/") and "Linux" not in name]
ENCODINGS: list[dict[str, Any]] = [
    {"action_space": kind, "choose_passes": passes}
    for kind in ("discrete", "multi_discrete")
    for passes in (False, True)
]


def rollout(env: gymnasium.Env[Any, Any], seed: int, steps: int) -> list[Any]:
    """Observations, rewards, ends and windows under random actions."""
    env.action_space.seed(seed)
    observation, info = env.reset(seed=seed)
    course: list[Any] = [observation.tolist(), info["window"].tolist()]
    for _ in range(steps):
        observation, reward, terminated, truncated, info = env.step(env.action_space.sample())
        course += [observation.tolist(), reward, terminated, truncated, info["window"].tolist()]
        course.append(np.nan_to_num(info["frames"]).tolist())
    return course


@pytest.mark.parametrize("env_id", IDS)
@pytest.mark.parametrize("options", ENCODINGS)
def test_gymnasiums_checker_finds_nothing(env_id: str, options: dict[str, Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(gymnasium.make(env_id, render_mode="ansi", **options).unwrapped)


@pytest.mark.parametrize("env_id", IDS)
@pytest.mark.parametrize("family", ["recorded", "mobilenet_v1_hosted"])
def test_same_seed_same_course(env_id: str, family: str) -> None:
    one, two = (gymnasium.make(env_id, family=family) for _ in range(2))
    assert rollout(one, 7, 50) == rollout(two, 7, 50)
    assert rollout(one, 7, 50) != rollout(one, 8, 50)


def test_episodes_after_a_seed_are_a_reproducible_sequence() -> None:
    courses: list[list[Any]] = []
    for _ in range(2):
        env = TwinEnv("odroid_xu4")
        env.reset(seed=3)
        courses.append([])
        for _ in range(3):
            env.reset()
            courses[-1].append(env.step(100)[4]["frames"].tolist())
    assert courses[0] == courses[1]
    assert courses[0][0] != courses[0][1]


def test_numba_changes_nothing() -> None:
    """The same bits with and without compilation, over a whole episode of random actions."""
    script = (
        "import hashlib, gymnasium\n"
        "from tvfs_gym.envs import Window\n"
        "env = gymnasium.make('tvfs_gym/OdroidXU4-v1', scenario={'ambient_c': 40.0, 'changes': "
        "[{'at_s': 5.0, 'cooling': 'fan_failed', 'latency_constraint_s': 0.05}]})\n"
        "env.action_space.seed(1); env.reset(seed=1); digest = hashlib.sha256()\n"
        "ended = False\n"
        "while not ended:\n"
        "    o, reward, terminated, ended, info = env.step(env.action_space.sample())\n"
        "    digest.update(o.tobytes() + info['frames'].tobytes() + info['window'].tobytes())\n"
        "    ended = ended or terminated\n"
        "print(digest.hexdigest(), Window(info['window']).time_s > 5)\n"
    )
    digests = set()
    for disabled in ("0", "1"):
        done = subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "NUMBA_DISABLE_JIT": disabled},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        digests.add(done.stdout)
    assert len(digests) == 1 and digests.pop().strip().endswith("True")


def test_it_compiles_where_numba_can_keep_no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """numba refuses to cache where neither the package nor a home folder can be written."""
    numba = pytest.importorskip("numba", reason="numba is not installed")
    compile_ = numba.njit

    def without_a_place(cache: bool, **options: Any) -> Any:
        def refuse(function: Any) -> Any:
            raise RuntimeError("cannot cache function: no locator available")

        return refuse if cache else compile_(**options)

    monkeypatch.setattr(numba, "njit", without_a_place)

    def double(value: float) -> float:
        return 2.0 * value

    assert jit_module.jit(double)(3.0) == 6.0


def test_importing_the_package_loads_neither_numba_nor_torch() -> None:
    script = (
        "import sys, tvfs_gym; print([m for m in ('numba', 'torch', 'polars') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


def test_a_reliable_frame_is_right_on_time_and_cool(recorded: BoardEnv) -> None:
    """A die that crosses T_max on its way up: frames before it count, frames after it do not."""
    recorded.reset(seed=0, options={"ambient_c": 35.0, "t_max_c": 60.0, "cooling": "fan_failed"})
    seen = []
    for _ in range(40):
        _, reward, _, _, info = recorded.step(recorded.action(Configuration(3, 18)))
        frames, window = info["frames"], Window(info["window"])
        reliable = frames[:, F.CORRECT] * frames[:, F.ON_TIME] * frames[:, F.COOL]
        assert window.reliable_frames == reliable.sum()
        assert reward == reliable.sum() / 10
        if window.temperature_max_c <= 60.0:
            assert frames[:, F.COOL].all()
        if window.time_above_t_max_s >= window.duration_s - 1e-9:
            assert not frames[:, F.COOL].any()
        seen += frames[:, F.COOL].tolist()
    assert 0 < sum(seen) < len(seen)


@given(st.integers(0, 2**32 - 1))
def test_random_courses_stay_within_the_spaces(seed: int) -> None:
    env = TwinEnv("odroid_xu4")
    env.action_space.seed(seed)
    env.reset(seed=seed, options={"ambient_c": float(seed % 60), "latency_constraint_s": 0.02})
    for _ in range(5):
        observation, reward, _, _, info = env.step(env.action_space.sample())
        window = Window(info["window"])
        assert env.observation_space.contains(observation)
        assert np.isfinite(observation).all() and np.isfinite(info["window"]).all()
        assert 0 <= reward <= 1 and 0 <= info["cost"] <= 2
        assert window.vf_level <= window.cap_level
        assert window.reliable_frames <= window.on_time_correct_frames <= window.correct_frames
        assert 1 <= window.passes_mean <= 10
        assert window.temperature_mean_c <= window.temperature_max_c


@pytest.mark.parametrize("kind", ["discrete", "multi_discrete"])
@pytest.mark.parametrize("action", [-1, 133, 3.9, "up", None, [0, 19], [7, 0], [0]])
def test_an_action_outside_the_space_is_refused(kind: Any, action: Any) -> None:
    env = TwinEnv("odroid_xu4", action_space=kind)
    env.reset(seed=0)
    with pytest.raises(gymnasium.error.InvalidAction, match="is not in"):
        env.step(action)


@pytest.mark.parametrize("options", ENCODINGS)
def test_every_action_means_one_configuration(options: dict[str, Any]) -> None:
    env = TwinEnv("odroid_xu4", **options)
    for topology, level, passes in [(0, 0, 1), (6, 18, 10), (3, 7, 4)]:
        wanted = Configuration(topology, level, passes if options["choose_passes"] else None)
        assert env.configuration(env.action(wanted)) == wanted
        assert env.action_space.contains(env.action(wanted))


def test_the_pass_budget_bounds_the_passes() -> None:
    env = TwinEnv("odroid_xu4", choose_passes=True, scenario={"latency_constraint_s": 1.0})
    env.reset(seed=0)
    for most in (1, 3, 10):
        frames = env.step(env.action(Configuration(0, 18, most)))[4]["frames"]
        assert frames[:, F.PASSES].max() == most


def test_rewards_are_what_their_equations_say(recorded: BoardEnv) -> None:
    recorded.reset(seed=0, options={"latency_constraint_s": 0.06})
    _, reward, _, _, info = recorded.step(recorded.action(Configuration(6, 16)))
    frames, window = info["frames"], Window(info["window"])
    latency_s, correct = frames[:, F.LATENCY_S], frames[:, F.CORRECT]
    on_time = correct * (latency_s <= 0.06)
    assert reward == pytest.approx(on_time.mean())
    excess = max(0, latency_s.mean() / 0.06 - 1)
    assert REWARDS["accuracy_latency"](window) == pytest.approx(correct.mean() - excess)
    above = window.time_above_t_max_s / window.duration_s
    assert REWARDS["on_time_accuracy_cool"](window) == pytest.approx(on_time.mean() - above)
    assert info["cost"] == info["cost_temperature"] + info["cost_deadline"]


def test_a_reward_of_ones_own() -> None:
    env = TwinEnv("odroid_xu4", reward=lambda window: -window.energy_j)
    env.reset(seed=0)
    _, reward, _, _, info = env.step(5)
    assert reward == -Window(info["window"]).energy_j


def test_the_window_is_the_sum_of_its_frames(recorded: BoardEnv) -> None:
    recorded.reset(seed=0)
    for action in (10, 60, 130):
        info = recorded.step(action)[4]
        window, frames = Window(info["window"]), info["frames"]
        latency_s, passes, confidence, correct, on_time, *_ = frames.T
        assert window.latency_mean_s == pytest.approx(latency_s.mean())
        assert window.latency_max_s == latency_s.max()
        assert window.passes_mean == pytest.approx(passes.mean())
        assert window.confidence_mean == pytest.approx(confidence.mean())
        assert window.correct_frames == correct.sum()
        assert window.late_frames == 10 - on_time.sum()
        assert window.duration_s == pytest.approx(latency_s.sum(), abs=2e-4)  # a switch: 140 us


def test_an_episode_is_truncated_after_its_frames(recorded: BoardEnv) -> None:
    recorded.reset(seed=0, options={"frames": 25})
    ends = [recorded.step(10)[2:5] for _ in range(3)]
    assert [end[1] for end in ends] == [False, False, True]
    assert [Window(end[2]["window"]).frames for end in ends] == [10, 10, 5]
    with pytest.raises(gymnasium.error.ResetNeeded, match="call reset"):
        recorded.step(10)


def test_a_board_at_its_critical_temperature_shuts_down(recorded: BoardEnv) -> None:
    recorded.reset(
        seed=0,
        options={"ambient_c": 70.0, "start_temperature_c": 115.0, "t_max_c": 119.0},
    )
    recorded.frames_per_step = 200
    _, reward, terminated, truncated, info = recorded.step(recorded.action(Configuration(6, 18)))
    window, frames = Window(info["window"]), info["frames"]
    answered = int((~np.isnan(frames[:, F.LATENCY_S])).sum())
    assert terminated and not truncated and window.shut_down
    assert answered < 20 and window.frames == 200
    assert window.late_frames == 200 - np.nansum(frames[:, F.ON_TIME])
    assert reward == window.reliable_frames / 200 <= answered / 200
    assert window.temperature_max_c < 125.0  # no more than the pass at hand goes on
    with pytest.raises(gymnasium.error.ResetNeeded):
        recorded.step(0)


def test_changes_take_effect_at_their_time(recorded: BoardEnv) -> None:
    changes = [
        {"at_s": 10.0, "latency_constraint_s": 0.1},
        {"at_s": 20.0, "cooling": "fan_failed", "ambient_c": 35.0},
    ]
    recorded.reset(seed=0, options={"changes": changes})
    action = recorded.action(Configuration(4, 14))
    windows = [Window(recorded.step(action)[4]["window"]) for _ in range(150)]
    for window in windows:
        assert window.latency_constraint_s == (0.1 if window.time_s >= 10 else 0.075)
    before = next(w for w in windows if w.time_s > 19)
    hottest_c = max(window.temperature_c for window in windows[-30:])  # throttling makes it a saw
    assert hottest_c >= before.temperature_c + 15
    at_change = [w.temperature_c for w in windows if 19.0 < w.time_s < 21.5]
    assert np.abs(np.diff(at_change)).max() <= 2  # heat does not jump with the fan


def test_frames_that_arrive_periodically_leave_the_board_idle(recorded: BoardEnv) -> None:
    """Power falls with the share of the time that the passes take."""
    action = recorded.action(Configuration(1, 18))
    powers_w = []
    for period_s in (0.0, 0.2):
        recorded.reset(seed=0, options={"arrival_period_s": period_s})
        window = Window(recorded.step(action)[4]["window"])
        powers_w.append(window.energy_j / window.duration_s)
    assert window.duration_s == pytest.approx(9 * 0.2, rel=0.1)
    busy_share = 10 * window.latency_mean_s / window.duration_s
    assert busy_share < 0.5
    assert powers_w[1] < (busy_share + 0.3) * powers_w[0]  # idle: the clocked cluster and the rest


def test_a_board_that_cannot_keep_up_answers_later_and_later(recorded: BoardEnv) -> None:
    """Passes of 50 ms and more for frames every 30 ms: latency counts from a frame's arrival."""
    recorded.reset(seed=0, options={"arrival_period_s": 0.03, "policy": "1C"})
    latency_s = recorded.step(recorded.action(Configuration(6, 18)))[4]["frames"][:, F.LATENCY_S]
    assert (np.diff(latency_s) > 0.02).all() and latency_s[-1] > 0.3


def test_background_load_stretches_the_passes(recorded: BoardEnv) -> None:
    action = recorded.action(Configuration(5, 10, 1))
    latencies = []
    for load in (0.0, 0.5):
        recorded.reset(seed=0, options={"background_load": load, "policy": "1C"})
        latencies.append(Window(recorded.step(action)[4]["window"]).latency_mean_s)
    assert latencies[1] == pytest.approx(2 * latencies[0])


def test_without_deadline_awareness_passes_run_past_the_deadline(recorded: BoardEnv) -> None:
    action = recorded.action(Configuration(6, 18))
    late = []
    for aware in (True, False):
        recorded.reset(seed=0, options={"deadline_aware": aware, "latency_constraint_s": 0.15})
        late.append(Window(recorded.step(action)[4]["window"]).late_frames)
    assert late[0] == 0 < late[1]


def test_render_gives_a_status_line() -> None:
    env = TwinEnv("odroid_xu4", render_mode="ansi")
    env.reset(seed=0)
    env.step(130)
    assert re.search(
        r"degC .* GHz \(cap \d+\) .*efficientnet_lite1 .* right and on time", env.render() or ""
    )


def test_an_environment_survives_pickling(recorded: BoardEnv) -> None:
    recorded.reset(seed=0)
    recorded.step(50)
    copy = pickle.loads(pickle.dumps(recorded))
    assert np.array_equal(copy.step(60)[4]["window"], recorded.step(60)[4]["window"])


@pytest.mark.parametrize("env_id", IDS)
def test_an_id_can_name_its_module(env_id: str) -> None:
    script = f"import gymnasium; print(gymnasium.make('tvfs_gym:{env_id}').spec.id)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip().endswith(env_id), done.stderr


@pytest.mark.parametrize("env_id", IDS)
def test_a_spec_survives_json(env_id: str) -> None:
    spec = gymnasium.make(env_id, scenario={"ambient_c": 30.0}).spec
    assert spec is not None
    again = gymnasium.make(gymnasium.envs.registration.EnvSpec.from_json(spec.to_json()))
    assert again.unwrapped.scenario.ambient_c == 30.0  # type: ignore[attr-defined]


def test_the_docstring_lists_the_observation_as_it_is() -> None:
    table = (BoardEnv.__doc__ or "").split("## Observation Space")[1].split("##")[0]
    rows = re.findall(r"\| (\d+) \|.*\| (\S+) \| (\S+) \|\n", table)
    assert [(int(n), float(low), float(high)) for n, low, high in rows] == [
        (n, low, high) for n, (_, _, low, high) in enumerate(FEATURES)
    ]


def test_a_windows_fields_are_named_and_described() -> None:
    window = Window(np.arange(len(W), dtype=np.float64))
    assert list(window.as_dict().values()) == list(range(len(W)))
    for name in Window.fields:
        assert getattr(window, name) == getattr(W, name.upper())
        assert getattr(Window, name).__doc__


def test_a_window_of_a_batch_has_a_column_per_field() -> None:
    windows = Window(np.arange(3 * len(W), dtype=np.float64).reshape(3, -1))
    assert windows.duration_s.tolist() == [1, 1 + len(W), 1 + 2 * len(W)]


def test_a_field_that_a_window_lacks_is_an_error_with_the_nearest_name() -> None:
    with pytest.raises(AttributeError, match="did you mean 'energy_j'"):
        Window(np.zeros(len(W))).energy  # noqa: B018


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"t_max_c": 20.0}, "t_max_c = 20.0 must lie above ambient_c = 25.0"),
        ({"changes": [{"at_s": 1.0, "ambient_c": 90.0}]}, "must lie above ambient_c = 90.0"),
        ({"latency_constraint_s": -0.1}, "latency_constraint_s: Input should be greater than"),
        ({"start_temperature_c": 10.0}, "start_temperature_c = 10.0 lies below ambient_c"),
        ({"policy": "7C"}, "unknown augmentation policy '7C': did you mean"),
        ({"ambient": 30.0}, "ambient: unknown key"),
        ({"background_load": 1.0}, "background_load: Input should be less than or equal to 0.95"),
        ({"t_max_c": float("nan")}, "t_max_c: Input should be a finite number"),
        ({"arrival_period_s": float("inf")}, "arrival_period_s: Input should be a finite number"),
        ({"tau": float("nan")}, "tau: tau must be positive, not nan"),
        ({"changes": [{"at_s": 2.0}, {"at_s": 1.0}]}, "changes must stand in order of at_s"),
    ],
)
def test_an_impossible_scenario_says_why(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match="impossible scenario") as caught:
        scenario_of(values)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"profile": "odroid_xu5"}, "unknown board 'odroid_xu5': did you mean odroid_xu4 or"),
        ({"family": "recordd"}, "unknown topology family 'recordd': did you mean recorded?"),
        ({"reward": "on_time"}, "unknown reward 'on_time': did you mean on_time_accuracy"),
        ({"action_space": "boxes"}, "unknown action space 'boxes'"),
        ({"frames_per_step": 0}, "frames_per_step must be at least 1, not 0"),
        ({"render_mode": "rgb"}, "unknown render mode 'rgb': did you mean rgb_array"),
    ],
)
def test_a_wrong_argument_names_what_would_be_right(arguments: Any, message: str) -> None:
    with pytest.raises(InputError) as caught:
        gymnasium.make("tvfs_gym/OdroidXU4-v1", **arguments)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cooling": "fans"}, "unknown cooling of odroid_xu4 'fans': did you mean fan or"),
        ({"throttling": "vendor"}, "unknown throttling preset of odroid_xu4 'vendor'"),
        ({"changes": [{"at_s": 1.0, "cooling": "ice"}]}, "unknown cooling of odroid_xu4 'ice'"),
        ({"start_temperature_c": 120.0}, "must lie below the board's critical 120.0 degC"),
        ({"t_max_c": 250.0}, "t_max_c = 250.0 must lie below the board's critical 120.0 degC"),
    ],
)
def test_a_scenario_the_board_cannot_do_is_refused(
    recorded: BoardEnv, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError) as caught:
        recorded.reset(options=options)
    assert message in str(caught.value)


def test_a_scenario_is_a_value() -> None:
    scenario = Scenario()
    assert scenario.with_values({}) == scenario
    assert scenario.with_values({"ambient_c": 30}).ambient_c == 30 != scenario.ambient_c
    assert tvfs_gym.envs.Scenario is Scenario
