"""``tvfs-gym perf``: steps per second of the environments, as ratios within one run."""

import gc
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

import gymnasium
import numpy as np

from tvfs_gym.experiments.documents import markdown_table
from tvfs_gym.experiments.perf import training
from tvfs_gym.experiments.results import checked_output, installed_versions

ROUNDS = 15
STEPS = 10_000
BATCHES = (1, 8, 64, 512, 4096, 32_768)
BATCH_ROUNDS = 5
BATCH_STEPS = 100_000
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
    """Measures everything in interleaved rounds; prints the page, or writes it to a file too.

    Each round takes every case in turn, so that whatever else the machine does falls on all of
    them; a ratio is the median of the rounds' ratios, in CPU time, resets included.

    Args:
        output: Markdown file to write.

    Raises:
        InputError: The file cannot be written.
    """
    if output is not None:
        checked_output(output, overwrite=True)
    parts = [
        "# Performance",
        "All figures are CPU times of one run, random actions, resets included; a ratio is the "
        "median of the ratios of interleaved rounds.",
        "## One environment",
        _compared({name: _loop(*case) for name, case in CASES.items()}, STEPS, ROUNDS, REFERENCE),
        f"Made by `gymnasium.make`; {STEPS:,} steps a round, {ROUNDS} rounds.",
    ]
    for count in BATCHES:
        reference = f"{REFERENCE}, vector"
        loops = {reference: _batch_loop(REFERENCE, count, {})}
        for name, (env_id, arguments) in CASES.items():
            if env_id != REFERENCE:
                loops[name] = _batch_loop(env_id, count, arguments)
        steps = max(BATCH_STEPS // count, 2)
        parts += [
            f"## {count:,} environments in one call",
            _compared(loops, steps, BATCH_ROUNDS, reference, count),
        ]
    parts.append(
        f"Made by `gymnasium.make_vec`, one thread; {BATCH_ROUNDS} rounds of about "
        f"{BATCH_STEPS:,} steps of an environment each."
    )
    parts += ["## Training", training.section()]
    text = "\n\n".join(parts)
    print(text)
    if output is not None:
        versions = ", ".join(f"{name} {one}" for name, one in installed_versions().items())
        output.write_text(f"{text}\n\nCommand: `tvfs-gym perf --output {output}`; {versions}.\n")


def _compared(
    loops: dict[str, Callable[[int], float]],
    steps: int,
    rounds: int,
    reference: str,
    count: int = 1,
) -> str:
    """A table of interleaved rounds: steps of an environment per second, and ratios."""
    for loop in loops.values():
        loop(max(steps // 10, 1))
    seconds: dict[str, list[float]] = {name: [] for name in loops}
    for _ in range(rounds):
        for name, loop in loops.items():
            seconds[name].append(loop(steps))
    rows = []
    for name, times in seconds.items():
        ratios = [theirs / own for theirs, own in zip(seconds[reference], times, strict=True)]
        rate = steps * count / median(times)
        rows.append([name, f"{rate:,.0f}", f"{median(ratios):.2f}"])
    return markdown_table(["environment", "steps per CPU second", f"ratio to {reference}"], rows)


def _batch_loop(env_id: str, count: int, arguments: dict[str, Any]) -> Callable[[int], float]:
    """A function that steps a batch so many times and returns the CPU seconds spent."""
    env = gymnasium.make_vec(env_id, count, vectorization_mode="vector_entry_point", **arguments)
    env.reset(seed=0)
    space = env.single_action_space
    assert isinstance(space, gymnasium.spaces.Discrete)
    actions = np.random.default_rng(0).integers(space.n, size=(16, count))

    def loop(steps: int) -> float:
        gc.collect()
        start = process_time()
        for step in range(steps):
            env.step(actions[step % len(actions)])
        return process_time() - start

    return loop


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
