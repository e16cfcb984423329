"""Training stable-baselines3 on a batch of twins."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tvfs_gym.envs.errors import InputError, unknown

BEST_FOLDER = "best"
"""Where the best policy by evaluation stands, under the name stable-baselines3 gives it."""

ALGORITHMS = ("ppo", "dqn", "a2c")

EVALUATION_SEED = 10_000
"""Seeds of the evaluation's episodes begin here: training and benchmarks use lower ones."""


@dataclass(frozen=True)
class Preset:
    """How an algorithm is trained, unless told otherwise.

    Attributes:
        envs: Twins in the batch.
        arguments: Of the algorithm.
    """

    envs: int
    arguments: dict[str, Any] = field(default_factory=dict)


PRESETS = {
    # stable-baselines3's own (batch 64, 10 epochs) spend over 85 % of the time in optimisation;
    # these reached some twenty times the frames per second on a prototype of this environment.
    "ppo": Preset(256, {"n_steps": 32, "batch_size": 2048, "n_epochs": 4, "gamma": 0.98}),
    "a2c": Preset(64, {"n_steps": 16, "gamma": 0.98}),
    "dqn": Preset(
        64,
        {"buffer_size": 200_000, "batch_size": 256, "learning_starts": 5_000, "train_freq": 4,
         "gradient_steps": 2, "target_update_interval": 2_000, "gamma": 0.98},
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Training:
    """What is to be trained.

    Attributes:
        algorithm: One of `ALGORITHMS`.
        environment: Arguments of `TwinVecEnv`: profile, family, scenario, randomise, ...
        steps: Environment steps, over all twins together.
        envs: Twins; None for the preset's.
        seed: Of the twins, the networks and the exploration.
        evaluation_episodes: Episodes of an evaluation.
        evaluations: How often during the training.
    """

    algorithm: str
    environment: dict[str, Any]
    steps: int
    envs: int | None = None
    seed: int = 0
    evaluation_episodes: int = 16
    evaluations: int = 10


def train(training: Training, folder: Path, progress_bar: bool) -> Path:
    """Trains and saves a policy; interrupted, what was learnt so far is saved.

    Writes into the folder: the policy as `ALGORITHM.zip`, the best one by evaluation under `best/`,
    evaluations under `evaluations/`, and TensorBoard's events if it is installed.

    Args:
        training: What is to be trained.
        folder: The run's folder.
        progress_bar: Whether to show one.

    Returns:
        The saved policy.

    Raises:
        InputError: There is no such algorithm, or an argument is impossible.
    """
    if training.algorithm not in ALGORITHMS:
        raise unknown("algorithm", training.algorithm, ALGORITHMS)
    import stable_baselines3
    import torch
    from stable_baselines3.common.callbacks import EvalCallback

    from tvfs_gym.agents.vec_env import TwinVecEnv

    # A policy of two small layers gains nothing from more threads, and loses much on a busy host.
    torch.set_num_threads(1)
    preset = PRESETS[training.algorithm]
    envs = training.envs or preset.envs
    if training.algorithm == "ppo" and envs * preset.arguments["n_steps"] < 2:
        raise InputError("ppo needs at least two environment steps per rollout.")
    twins = TwinVecEnv(envs, **training.environment)
    judged = TwinVecEnv(min(training.evaluation_episodes, 16), **training.environment)
    judged.seed(EVALUATION_SEED)
    callback = EvalCallback(
        judged,
        n_eval_episodes=training.evaluation_episodes,
        eval_freq=max(training.steps // envs // training.evaluations, 1),
        log_path=str(folder / "evaluations"),
        best_model_save_path=str(folder / BEST_FOLDER),
        verbose=0,
    )
    model = getattr(stable_baselines3, training.algorithm.upper())(
        "MlpPolicy",
        twins,
        seed=training.seed,
        device="cpu",
        tensorboard_log=str(folder / "tensorboard") if _tensorboard() else None,
        **preset.arguments,
    )
    try:
        model.learn(training.steps, callback=callback, progress_bar=progress_bar)
    finally:
        model.save(folder / f"{training.algorithm}.zip")
        twins.close()
        judged.close()
    return folder / f"{training.algorithm}.zip"


def load_policy(folder: Path) -> Any:
    """Loads a run's policy: the best by evaluation, or the last one if none was evaluated.

    Raises:
        InputError: The folder holds no trained policy, or stable-baselines3 is not installed.
    """
    trained = [name for name in ALGORITHMS if (folder / f"{name}.zip").is_file()]
    if not trained:
        raise InputError(
            f"{folder} holds no trained policy: none of {', '.join(ALGORITHMS)} as .zip."
        )
    try:
        import stable_baselines3
    except ImportError as error:
        raise InputError(
            'policies need stable-baselines3: run pip install "tvfs-gym[train]".'
        ) from error
    best = folder / BEST_FOLDER / "best_model.zip"
    path = best if best.is_file() else folder / f"{trained[0]}.zip"
    return getattr(stable_baselines3, trained[0].upper()).load(path, device="cpu")


def _tensorboard() -> bool:
    from importlib.util import find_spec

    return find_spec("tensorboard") is not None
