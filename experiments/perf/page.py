"""``tvfs-gym dev perf envs``: steps per second of the environments, as ratios within one run."""

import gc
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

import gymnasium
import numpy as np

from tvfs_gym.experiments.perf import board_loop, footprint, training
from tvfs_gym.experiments.results.folder import checked_output, installed_versions
from tvfs_gym.experiments.results.tables import markdown_table

ROUNDS = 15
STEPS = 10_000
BATCHES = (1, 8, 64, 512, 4096, 32_768)
BATCH_ROUNDS = 7
BATCH_STEPS = 100_000
REFERENCE = "CartPole-v1"
UNWRAPPED = f"{REFERENCE}, unwrapped"
ENVPOOL = f"{REFERENCE} of EnvPool"
ENV_ID = "tvfs_gym/OdroidXU4-v1"
THREADED = 4096

CASES: dict[str, tuple[str, dict[str, Any]]] = {
    REFERENCE: (REFERENCE, {}),
    f"{ENV_ID}, published family": (ENV_ID, {"family": "mobilenet_v1_hosted"}),
    ENV_ID: (ENV_ID, {}),
    f"{ENV_ID}, 1 frame per step": (ENV_ID, {"frames_per_step": 1}),
}
"""Cases: environment id and arguments. The actions are random in all of them."""


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
        "median of the ratios of interleaved rounds, above 1 where the environment is faster.",
        "## One environment",
        _one(),
        *(part for count in BATCHES for part in _batch(count)),
        f"Made by `gymnasium.make_vec`, one thread; {BATCH_ROUNDS} rounds of about "
        f"{BATCH_STEPS:,} steps of an environment each. {_envpool_note()}",
        "The same kernel in C with -O3 took 0.98 to 1.02 of the time (measured once, with the code "
        "of version 0.1.0's first commits): the equations bound the speed, not the language.",
        "## Threads",
        _threads(),
        "## Training",
        training.section(),
        "## Import, compilation, memory",
        footprint.section(),
        "## The loop on a board",
        board_loop.section(),
    ]
    text = "\n\n".join(parts)
    print(text)
    if output is not None:
        versions = ", ".join(f"{name} {version}" for name, version in installed_versions().items())
        output.write_text(
            f"{text}\n\nCommand: `tvfs-gym dev perf envs --output {output}`; {versions}.\n"
        )


def _one() -> str:
    loops = {name: _loop(gymnasium.make(env_id, **kw)) for name, (env_id, kw) in CASES.items()}
    for name, (env_id, arguments) in CASES.items():
        unwrapped = gymnasium.make(env_id, **arguments).unwrapped
        loops[f"{name}, unwrapped"] = _loop(unwrapped)
    table = _compared(loops, STEPS, ROUNDS, UNWRAPPED)
    return f"{table}\n\nMade by `gymnasium.make`; {STEPS:,} steps a round, {ROUNDS} rounds."


def _batch(count: int) -> tuple[str, str]:
    """Heading and table of a size of batch."""
    loops = {name: _batch_loop(_made(env_id, count, kw)) for name, (env_id, kw) in CASES.items()}
    if find_spec("envpool") is not None:
        import envpool

        pool = envpool.make_gymnasium(REFERENCE, num_envs=count, num_threads=1)
        loops[ENVPOOL] = _batch_loop(pool)
    steps = max(BATCH_STEPS // count, 2)
    table = _compared(loops, steps, BATCH_ROUNDS, REFERENCE, count)
    return f"## Batches of {count:,}", table


def _envpool_note() -> str:
    if find_spec("envpool") is None:
        return "EnvPool is not installed, so it is not in the tables."
    return "EnvPool ran with one thread of its own."


def _threads() -> str:
    """Wall time of a batch with one and with two threads."""
    envs = {threads: _made(ENV_ID, THREADED, {"threads": threads}) for threads in (1, 2)}
    loops = {threads: _batch_loop(env, perf_counter) for threads, env in envs.items()}
    steps = BATCH_STEPS // THREADED
    times = [(loops[1](steps), loops[2](steps)) for _ in range(BATCH_ROUNDS)]
    ratio = median(single / two for single, two in times)
    return (
        f"Two threads step {THREADED:,} environments {ratio:.2f} times as fast as one by the clock "
        "on the wall; the default is one, because a busy machine turns the gain into a loss."
    )


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


def _made(env_id: str, count: int, arguments: dict[str, Any]) -> Any:
    return gymnasium.make_vec(env_id, count, vectorization_mode="vector_entry_point", **arguments)


def _batch_loop(env: Any, clock: Callable[[], float] = process_time) -> Callable[[int], float]:
    """A function that steps a batch so many times and returns the seconds spent."""
    env.reset()
    space = env.single_action_space if hasattr(env, "single_action_space") else env.action_space
    count = env.num_envs if hasattr(env, "num_envs") else len(env)
    actions = np.random.default_rng(0).integers(space.n, size=(16, count))

    def loop(steps: int) -> float:
        gc.collect()
        start = clock()
        for step in range(steps):
            env.step(actions[step % len(actions)])
        return clock() - start

    return loop


def _loop(env: gymnasium.Env[Any, Any]) -> Callable[[int], float]:
    """A function that steps an environment so many times and returns the CPU seconds spent."""
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
