"""``tvfs-gym perf``: steps per second of the scalar environment, as ratios within one run."""

import gc
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

import gymnasium
import numpy as np

from tvfs_gym.experiments.documents import markdown_table
from tvfs_gym.experiments.results import checked_output, installed_versions

ROUNDS = 15
STEPS = 10_000
REFERENCE = "CartPole-v1"
ENV_ID = "tvfs_gym/OdroidXU4-v0"

CASES: dict[str, tuple[str, dict[str, Any]]] = {
    REFERENCE: (REFERENCE, {}),
    f"{ENV_ID}, published family": (ENV_ID, {"family": "mobilenet_v1_hosted"}),
    ENV_ID: (ENV_ID, {}),
    f"{ENV_ID}, 1 frame per step": (ENV_ID, {"frames_per_step": 1}),
}
"""What is measured: environment id and arguments. The actions are random in all of them."""


def run(output: Path | None) -> None:
    """Measures all cases in interleaved rounds; prints the table, or writes it to a file too.

    Each round takes every case in turn, so that whatever else the machine does falls on all of
    them; a ratio is the median of the rounds' ratios, in CPU time, resets included.

    Args:
        output: Markdown file to write.

    Raises:
        InputError: The file cannot be written.
    """
    if output is not None:
        checked_output(output, overwrite=True)
    loops = {name: _loop(*case) for name, case in CASES.items()}
    for loop in loops.values():
        loop(STEPS // 10)
    seconds: dict[str, list[float]] = {name: [] for name in CASES}
    for _ in range(ROUNDS):
        for name, loop in loops.items():
            seconds[name].append(loop(STEPS))
    rows = []
    for name, times in seconds.items():
        ratios = [reference / own for reference, own in zip(seconds[REFERENCE], times, strict=True)]
        rows.append([name, f"{STEPS / median(times):,.0f}", f"{median(ratios):.2f}"])
    table = markdown_table(["environment", "steps per CPU second", f"ratio to {REFERENCE}"], rows)
    print(table)
    if output is not None:
        versions = ", ".join(f"{name} {one}" for name, one in installed_versions().items())
        output.write_text(
            "# Performance\n\nScalar environments made by `gymnasium.make`, random actions, resets "
            f"included; {STEPS:,} steps a round, medians over {ROUNDS} interleaved rounds.\n\n"
            f"{table}\n\nCommand: `tvfs-gym perf --output {output}`; {versions}.\n"
        )


def _loop(env_id: str, arguments: dict[str, Any]) -> Callable[[int], float]:
    """A function that steps an environment so many times and returns the CPU seconds spent."""
    env = gymnasium.make(env_id, **arguments)
    env.reset(seed=0)
    space = env.action_space
    assert isinstance(space, gymnasium.spaces.Discrete)
    actions = np.random.default_rng(0).integers(space.n, size=STEPS).tolist()

    def loop(steps: int) -> float:
        gc.collect()
        start = process_time()
        for action in actions[:steps]:
            _, _, terminated, truncated, _ = env.step(action)
            if terminated or truncated:
                env.reset()
        return process_time() - start

    return loop
