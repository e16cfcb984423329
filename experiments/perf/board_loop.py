"""Cost of the loop on a real board beside inference: sensors, clock, decision."""

from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import process_time
from typing import Any

import numpy as np
import psutil

from tvfs_gym.agents.policy import GreedyPolicy
from tvfs_gym.agents.pretrained import load_pretrained
from tvfs_gym.baselines import Design, build
from tvfs_gym.baselines.characterisation.characterisation import characterise
from tvfs_gym.envs.boards.linux.machine import Machine
from tvfs_gym.envs.scenario import Scenario
from tvfs_gym.envs.twin_env import TwinEnv
from tvfs_gym.experiments.results.tables import markdown_table

INFERENCE_S = 0.044
"""The inference that the costs are compared with: about MobileNetV1 1.0 224 on a big ARM core."""

FRAMES_PER_STEP = 10
CALLS = 2000
ROUNDS = 7

BOARD = {
    "devices/system/cpu/cpufreq/policy0": {
        "scaling_driver": "cpufreq-dt",
        "scaling_governor": "userspace",
        "scaling_available_governors": "userspace performance schedutil",
        "scaling_available_frequencies": "648000 816000 1008000",
        "scaling_setspeed": "648000",
        "scaling_cur_freq": "648000",
        "scaling_min_freq": "648000",
        "scaling_max_freq": "1008000",
        "cpuinfo_min_freq": "648000",
        "cpuinfo_max_freq": "1008000",
        "affected_cpus": "0 1",
    },
    "class/thermal/thermal_zone0": {"type": "cpu-thermal", "temp": "45000"},
}
"""Plain files in the place of sysfs: what is timed is the driver, not a sensor's bus."""


def section() -> str:
    """The section of the performance page."""
    with TemporaryDirectory() as folder:
        root = Path(folder) / "sys"
        for name, files in BOARD.items():
            (root / name).mkdir(parents=True)
            for file, value in files.items():
                (root / name / file).write_text(f"{value}\n")
        machine = Machine(root, state_folder=Path(folder), stuck_after_s=1e9)
        try:
            costs_s = _measured(_parts(machine))
        finally:
            machine.close()
    rows = [[name, *_cells(cost_s)] for name, cost_s in costs_s.items()]
    for name in (TVFS, POLICY):
        step_s = costs_s[OTHER_LEVEL] + costs_s[name]
        per_inference_s = costs_s[LOOK] + step_s / FRAMES_PER_STEP
        rows.append([f"**per inference, with {name}**", *_cells(per_inference_s)])
    table = markdown_table(["part", "µs of CPU", f"% of {1e3 * INFERENCE_S:g} ms"], rows)
    return (
        f"{table}\n\nPlain files stand for sysfs, so a sensor's bus is not in it. Per inference: "
        f"sensors are looked at after every pass; after {FRAMES_PER_STEP} frames the controller is "
        "asked and the clock set, each time to another level. "
        f"Medians of {ROUNDS} rounds of {CALLS:,} calls."
    )


LOOK = "look at clock and sensors (pread)"
OTHER_LEVEL, SAME_LEVEL = "set the clock to another level, read it back", "ask for the same level"
TVFS, POLICY = "`tvfs`", "exported policy `ppo` (NumPy)"
PSUTIL = "for comparison: `psutil.sensors_temperatures()` and `cpu_freq()`"


def _parts(machine: Machine) -> dict[str, Callable[[], object]]:
    env = TwinEnv("odroid_xu4")
    observation, _ = env.reset(seed=0)
    design = Design.of(env, characterise(env.board, Scenario()))
    tvfs = build("tvfs", design)
    _, state = tvfs.predict(observation)
    trained = load_pretrained("ppo")
    policy = trained if isinstance(trained, GreedyPolicy) else trained.on(design)
    memory: Any = policy.predict(observation)[1]
    levels = iter(np.tile(np.arange(machine.level_count), 10**6).tolist())
    return {
        LOOK: machine.look,
        OTHER_LEVEL: lambda: machine.request(next(levels)),
        SAME_LEVEL: lambda: machine.request(0),
        TVFS: lambda: tvfs.predict(observation, state),
        POLICY: lambda: policy.predict(observation, memory),
        PSUTIL: lambda: (psutil.sensors_temperatures(), psutil.cpu_freq()),
    }


def _measured(parts: dict[str, Callable[[], object]]) -> dict[str, float]:
    """CPU seconds of a call, by part, in interleaved rounds."""
    seconds: dict[str, list[float]] = {name: [] for name in parts}
    for _ in range(ROUNDS):
        for name, call in parts.items():
            start = process_time()
            for _ in range(CALLS):
                call()
            seconds[name].append((process_time() - start) / CALLS)
    return {name: median(times) for name, times in seconds.items()}


def _cells(cost_s: float) -> tuple[str, str]:
    return f"{1e6 * cost_s:.1f}", f"{100 * cost_s / INFERENCE_S:.3f}"
