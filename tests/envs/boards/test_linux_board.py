"""A real board's inference: deadlines, arrivals, frames, and what it cannot do."""

import importlib.util
import math
import time
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
from PIL import Image

from tests.envs.boards.conftest import Opened
from tests.envs.boards.fake_sysfs import KHZ, FakeKernel
from tvfs_gym.baselines import Design, make
from tvfs_gym.envs.boards.board import Configuration
from tvfs_gym.envs.boards.linux import sensors
from tvfs_gym.envs.boards.linux.board import LinuxBoard
from tvfs_gym.envs.boards.linux.frames import frames_of
from tvfs_gym.envs.boards.linux.inference import DEVIATIONS, PassTime
from tvfs_gym.envs.boards.window import FRAME_FIELDS, Window
from tvfs_gym.envs.errors import BoardError, InputError
from tvfs_gym.envs.inference.classifier import TfliteClassifier
from tvfs_gym.envs.inference.topology import load_family
from tvfs_gym.envs.linux_env import LinuxBoardEnv
from tvfs_gym.envs.scenario import Scenario
from tvfs_gym.experiments.controllers import is_measured, policy_named

SLOWEST, FASTEST = 11, 0


@pytest.fixture
def slow_passes(monkeypatch: pytest.MonkeyPatch) -> float:
    """Passes of at least 10 ms, so that what they do to deadlines can be seen on any machine."""
    run = TfliteClassifier.run

    def slow(self: TfliteClassifier, codes: Any) -> Any:
        time.sleep(0.01)
        return run(self, codes)

    monkeypatch.setattr(TfliteClassifier, "run", slow)
    return 0.01


def window_of(board: LinuxBoard, frames: int) -> tuple[Window, np.ndarray]:
    window, rows = board.infer(frames)
    return Window(window), rows


def test_a_pass_that_would_end_late_is_never_started(
    kernel: FakeKernel, board: Opened, slow_passes: float
) -> None:
    """A third pass of 10 ms cannot end within 29 ms."""
    running = board()
    running.reset(Scenario(latency_constraint_s=0.029, tau=math.inf), (0, 0))
    running.apply(Configuration(FASTEST, 0))
    passes = running.infer(20)[1][:, FRAME_FIELDS.index("passes")]
    assert passes.max() <= 2
    running.reset(Scenario(latency_constraint_s=0.029, tau=math.inf, deadline_aware=False), (0, 0))
    rows = running.infer(3)[1]
    assert (rows[:, FRAME_FIELDS.index("passes")] == 10).all()
    assert (rows[:, FRAME_FIELDS.index("latency_s")] > 0.1).all()
    assert (rows[:, FRAME_FIELDS.index("on_time")] == 0).all()


def test_pass_times_are_learnt() -> None:
    learnt = PassTime()
    assert learnt.expected_s == 0.0
    generator = np.random.default_rng(0)
    passes_s = 0.1 + 0.01 * generator.standard_normal(4000)
    within = []
    for pass_s in passes_s:
        within.append(pass_s <= learnt.expected_s)
        learnt.learn(pass_s)
    assert DEVIATIONS == 3.0 and np.mean(within[100:]) > 0.97
    for _ in range(60):
        learnt.learn(0.2)
    assert learnt.expected_s == pytest.approx(0.2, rel=0.02)


def test_frames_wait_for_their_arrival_and_their_latency_counts_from_there(
    kernel: FakeKernel, board: Opened, slow_passes: float
) -> None:
    running = board()
    running.reset(Scenario(arrival_period_s=0.05, policy="1C"), (0, 0))
    window, _ = window_of(running, 6)
    assert window.duration_s == pytest.approx(5 * 0.05 + 0.01, abs=0.1)
    running.reset(Scenario(arrival_period_s=0.002, policy="1C"), (0, 0))
    latency_s = running.infer(10)[1][:, 0]
    assert (np.diff(latency_s) > 0.005).all() and latency_s[-1] > 0.08


def test_a_slow_controller_is_reported(kernel: FakeKernel, board: Opened) -> None:
    running = board()
    running.reset(Scenario(latency_constraint_s=0.05), (0, 0))
    running.infer(1)
    time.sleep(0.1)
    running.apply(Configuration(FASTEST, 4))
    running.infer(1)
    assert running.report.control_s >= 0.1 and running.report.late_action
    running.apply(Configuration(FASTEST, 4))
    running.infer(1)
    assert running.report.control_s < 0.05 and not running.report.late_action
    assert running.report.late_actions == 1


def test_late_frames_are_reported(kernel: FakeKernel, board: Opened, slow_passes: float) -> None:
    running = board()
    running.reset(Scenario(latency_constraint_s=0.005, policy="1C"), (0, 0))
    for missed in (3, 6):
        window, _ = window_of(running, 3)
        assert window.late_frames == 3 and window.cost_deadline == 1
        assert running.report.missed_deadlines == missed


def test_the_same_key_draws_the_same_pictures(kernel: FakeKernel, board: Opened) -> None:
    running = board()
    answers = []
    for key in ((1, 2), (1, 2), (3, 4)):
        running.reset(Scenario(policy="1C"), key)
        running.apply(Configuration(SLOWEST, 0))
        answers.append(running.infer(40)[1][:, [2, 3]].tolist())
    assert answers[0] == answers[1] != answers[2]


def test_throttling_is_seen_in_the_window(
    kernel: FakeKernel, board: Opened, slow_passes: float
) -> None:
    running = board(sample_period_s=0.0)
    running.reset(Scenario(), (0, 0))
    running.apply(Configuration(FASTEST, 4))
    window, _ = window_of(running, 2)
    assert (window.vf_level, window.cap_level, window.throttled_s) == (4, 4, 0)
    assert window.vf_switches == 1
    assert window_of(running, 2)[0].vf_switches == 0
    kernel.throttle(3)
    window, _ = window_of(running, 2)
    assert window.vf_switches == 1
    assert (window.vf_level, window.cap_level) == (1, 1)
    assert window.throttled_s == pytest.approx(window.duration_s)
    assert window.frequency_mean_hz == pytest.approx(1e3 * KHZ[1])


def test_heat_is_seen_in_the_window(kernel: FakeKernel, board: Opened, slow_passes: float) -> None:
    running = board(sample_period_s=0.0)
    running.reset(Scenario(t_max_c=60.0), (0, 0))
    running.apply(Configuration(FASTEST, 4))
    window, _ = window_of(running, 2)
    assert window.time_above_t_max_s == 0 and window.temperature_mean_c == 45.0
    kernel.heat(65.0)
    window, _ = window_of(running, 2)
    assert window.cost_temperature == pytest.approx(1.0)
    assert window.temperature_c == window.temperature_max_c == 65.0
    assert math.isnan(window.energy_j)  # no power sensor


def test_the_hard_limit_holds_within_a_window(
    kernel: FakeKernel, board: Opened, slow_passes: float
) -> None:
    running = board(sample_period_s=0.0)
    kernel.heat(60.0)
    running.reset(Scenario(), (0, 0))
    running.apply(Configuration(FASTEST, 4))
    kernel.heat(96.0)
    window, _ = window_of(running, 2)
    assert (window.vf_level, window.cap_level) == (0, 0)
    assert running.report.limit_engaged and running.report.limit_engagements == 1
    assert running.report.requested_level == 4


def test_a_sensor_lost_within_a_window_ends_it(
    kernel: FakeKernel, board: Opened, slow_passes: float
) -> None:
    running = board(sample_period_s=0.0)
    running.reset(Scenario(), (0, 0))
    running.apply(Configuration(FASTEST, 4))
    (kernel.root / "class/thermal/thermal_zone0/temp").write_text("")
    with pytest.raises(BoardError, match="is lost"):
        running.infer(sensors.LOST_AFTER + 2)
    assert (kernel.folder / "scaling_cur_freq").read_text().strip() == str(KHZ[0])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"cooling": "fan"}, "cooling cannot be chosen on a real board"),
        ({"background_load": 0.5}, "background_load cannot be chosen"),
        ({"unit": {"leakage": 2.0}}, "unit cannot be chosen"),
        ({"sensing": {"lag_s": 0.5}}, "sensing cannot be chosen on a real board: leave it out."),
        ({"changes": [{"at_s": 1.0, "ambient_c": 30.0}]}, "ambient_c cannot be chosen"),
        ({"t_max_c": 96.0}, "must not lie above the board's hard limit of 95.0 degC"),
    ],
)
def test_a_scenario_that_nobody_can_arrange_is_refused(
    kernel: FakeKernel, board: Opened, values: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        board().reset(Scenario.model_validate(values), (0, 0))


def test_a_change_of_the_constraint_takes_effect(
    kernel: FakeKernel, board: Opened, slow_passes: float
) -> None:
    running = board()
    changes = [{"at_s": 0.15, "latency_constraint_s": 0.5}]
    running.reset(
        Scenario.model_validate({"latency_constraint_s": 0.05, "changes": changes}), (0, 0)
    )
    assert window_of(running, 1)[0].latency_constraint_s == 0.05
    time.sleep(0.15)
    assert window_of(running, 1)[0].latency_constraint_s == 0.5


@pytest.mark.parametrize(
    "configuration",
    [Configuration(12, 0), Configuration(0, 5), Configuration(-1, 0), Configuration(0, 0, 0)],
)
def test_a_configuration_that_is_not_there_is_refused(
    kernel: FakeKernel, board: Opened, configuration: Configuration
) -> None:
    with pytest.raises(InputError, match="is not among 12 topologies and 5 VF levels"):
        board().apply(configuration)


def test_voltages_are_a_profiles_or_unknown(kernel: FakeKernel, board: Opened) -> None:
    assert all(math.isnan(point.voltage_v) for point in board().operating_points)


def test_a_profile_that_fits_gives_voltages(kernel: FakeKernel, board: Opened) -> None:
    points = {
        round(p.frequency_hz / 1e6): p.voltage_v
        for p in board(profile="odroid_xu4").operating_points
    }
    assert points[1200] == 1.05 and points[1008] == 0.975  # 1000 MHz is near enough
    assert math.isnan(points[648])


def test_a_fan_is_held_and_restored(root: Path, kernel: FakeKernel, board: Opened) -> None:
    with pytest.raises(InputError, match="no fan that can be held"):
        board(fan=0.0)
    folder = root / "class/hwmon/hwmon1"
    folder.mkdir(parents=True)
    for name, value in (("name", "pwmfan"), ("pwm1", "120"), ("pwm1_enable", "2")):
        (folder / name).write_text(value)
    kernel.others = (folder / "pwm1", folder / "pwm1_enable")
    kernel.heat(60.0)
    running = board(fan=0.0)
    assert ((folder / "pwm1").read_text(), (folder / "pwm1_enable").read_text()) == ("0", "1")
    kernel.heat(96.0)
    running.telemetry()
    assert (folder / "pwm1").read_text() == "255"
    running.close()
    assert (folder / "pwm1_enable").read_text() == "2"


def test_frames_come_from_many_places(tmp_path: Path) -> None:
    family = load_family("digits")
    assert family.images is not None
    pictures = frames_of(None, family)
    assert pictures.labelled and pictures.next().label in range(10)
    pixels = np.zeros((8, 8, 3), np.uint8)
    image = Image.fromarray(pixels)
    image.save(tmp_path / "a.png")
    (tmp_path / "images.csv").write_text("file,label\na.png,7\n")
    assert frames_of(tmp_path, family).next().label == 7
    labelled = frames_of([(pixels, 3), (image, 3), (tmp_path / "a.png", 3)], family)
    assert labelled.labelled and {labelled.next().label for _ in range(9)} == {3}
    assert not frames_of([(pixels, 3), image], family).labelled
    noise = frames_of("noise", family)
    first = noise.next().image
    noise.start((0, 0))
    assert noise.next().image == first and not noise.labelled
    assert frames_of(noise, family) is noise


def test_frames_leave_out_the_pictures_from_which_the_accuracy_is_known(tmp_path: Path) -> None:
    """Unless the user names the archive."""
    archive = tmp_path / "pictures.zip"
    with ZipFile(archive, "w") as pictures:
        pictures.writestr("images.csv", "file,label\n0.png,1\n1.png,1\n2.png,1\n3.png,1\n")
        for grey in range(4):
            with pictures.open(f"{grey}.png", "w") as file:
                Image.new("RGB", (8, 8), (grey, grey, grey)).save(file, "png")
    family = load_family("digits").model_copy(update={"images": archive})

    def shown(frames: Any) -> set[int]:
        source = frames_of(frames, family)
        return {int(np.array(source.next().image)[0, 0, 0]) for _ in range(60)}

    assert shown(None) == {1, 3}
    assert shown(archive) == {0, 1, 2, 3}


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        ([], "the list of frames is empty"),
        ([np.zeros((8, 8), np.uint8)], "a frame's pixels are uint8 of shape"),
        ("/nowhere", "cannot read the image list /nowhere"),
        ("/nowhere.zip", "cannot use the images in /nowhere.zip"),
        pytest.param(
            "camera:99",
            "needs OpenCV"
            if importlib.util.find_spec("cv2") is None
            else "no camera at /dev/video99",
        ),
    ],
)
def test_frames_that_are_not_there_are_told(frames: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        frames_of(frames, load_family("digits"))


def test_a_family_without_files_says_how_to_get_them(
    kernel: FakeKernel, root: Path, tmp_path: Path
) -> None:
    options = {"state_folder": tmp_path / "state"}
    with pytest.raises(InputError, match="no pictures come with the family recorded"):
        LinuxBoard(load_family("recorded"), root=root, options=options)
    with pytest.raises(InputError, match="tvfs-gym models fetch"):
        LinuxBoard(load_family("recorded"), frames="noise", root=root, options=options)
    with pytest.raises(InputError, match="there is no network at"):
        LinuxBoard(load_family("digits"), tmp_path, root=root, options=options)


@pytest.mark.parametrize("name", ["predictive_generic", "pretrained"])
def test_it_is_controlled_from_the_first_minute(
    root: Path, kernel: FakeKernel, tmp_path: Path, slow_passes: float, name: str
) -> None:
    """Without profile or characterisation; the first frames are a pass of the fastest network."""
    options = {"state_folder": tmp_path / "state", "settle_s": 0.0}
    scenario = {"latency_constraint_s": 0.05, "t_max_c": 84.0, "frames": 100}
    env = LinuxBoardEnv(
        root=root, threads=1, options=options, scenario=scenario, choose_passes=True
    )
    try:
        assert not is_measured(name)
        controller: Any = policy_named(name, Design.of(env, None))
        kernel.heat(45.0)
        observation, _ = env.reset(seed=0)
        state, chosen = None, []
        for _ in range(5):
            action, state = controller.predict(observation, state)
            chosen.append(env.configuration(action))
            observation, *_ = env.step(action)
    finally:
        env.close()
    assert chosen[0].topology == 0 and chosen[0].max_passes == 1
    assert max(choice.topology for choice in chosen[1:]) > 0


def test_predictive_generic_begins_a_warm_board_at_its_slowest_clock(
    root: Path, kernel: FakeKernel, tmp_path: Path
) -> None:
    options = {"state_folder": tmp_path / "state", "settle_s": 0.0}
    scenario = {"t_max_c": 84.0, "frames": 100}
    env = LinuxBoardEnv(
        root=root, threads=1, options=options, scenario=scenario, choose_passes=True
    )
    try:
        kernel.heat(83.5)
        observation, _ = env.reset(seed=0)
        warm, _ = make("predictive_generic", env).predict(observation)
    finally:
        env.close()
    assert env.configuration(warm) == Configuration(0, 0, 1)
