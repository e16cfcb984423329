"""What is searched for each algorithm's hyper-parameters: as in rl-zoo, for many cheap twins."""

from dataclasses import dataclass
from typing import Any

NETWORKS = tuple(
    f"dict(net_arch={layers}, activation_fn=nn.{activation})"
    for layers in ("[32, 32]", "[64, 64]", "[128, 64]")
    for activation in ("Tanh", "ReLU")
)
"""Networks that are taken out at a size of at most some 150 kB."""

MEMORIES = tuple(
    f"dict(lstm_hidden_size={units}, net_arch=dict(pi=[{layer}], vf=[{layer}]))"
    for units in (16, 32)
    for layer in (16, 32)
)


@dataclass(frozen=True)
class SearchedRange:
    """Numbers between two; integers if both are.

    Attributes:
        low: The lowest.
        high: The highest.
        log: True to draw the logarithm uniformly.
    """

    low: float
    high: float
    log: bool = True

    def suggested(self, trial: Any, name: str) -> Any:
        """A trial's value."""
        if isinstance(self.low, int) and isinstance(self.high, int):
            return trial.suggest_int(name, self.low, self.high, log=self.log)
        return trial.suggest_float(name, self.low, self.high, log=self.log)

    def __contains__(self, value: Any) -> bool:
        """Tells whether a value can be drawn."""
        return isinstance(value, int | float) and self.low <= value <= self.high


@dataclass(frozen=True)
class SearchedOptions:
    """Some values.

    Attributes:
        values: All of them.
    """

    values: tuple[Any, ...]

    def suggested(self, trial: Any, name: str) -> Any:
        """A trial's value."""
        return trial.suggest_categorical(name, self.values)

    def __contains__(self, value: Any) -> bool:
        """Tells whether a value can be drawn."""
        return value in self.values


Space = dict[str, SearchedRange | SearchedOptions]
"""What is searched, by hyper-parameter."""

GAMMA: Space = {"gamma": SearchedOptions((0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.98))}
"""Heat has seconds to tens of seconds of memory, and a step lasts about one."""

ON_POLICY: Space = GAMMA | {
    "learning_rate": SearchedRange(1e-4, 5e-3),
    "n_steps": SearchedOptions((8, 16, 32, 64)),
    "ent_coef": SearchedRange(1e-6, 0.02),
    "gae_lambda": SearchedOptions((0.8, 0.9, 0.95, 1.0)),
}
PPO: Space = ON_POLICY | {
    "batch_size": SearchedOptions((512, 1024, 2048, 4096)),
    "n_epochs": SearchedRange(2, 10),
    "clip_range": SearchedOptions((0.1, 0.2, 0.3)),
}
OFF_POLICY: Space = GAMMA | {
    "learning_rate": SearchedRange(1e-4, 5e-3),
    "batch_size": SearchedOptions((128, 256, 512, 1024)),
    "train_freq": SearchedOptions((1, 2, 4, 8)),
    "gradient_steps": SearchedOptions((1, 2, 4, 8)),
    "policy_kwargs": SearchedOptions(
        tuple(f"dict(net_arch={n})" for n in ("[32, 32]", "[64, 64]"))
    ),
}

SPACES: dict[str, Space] = {
    "ppo": PPO | {"policy_kwargs": SearchedOptions(NETWORKS)},
    "ppo_mask": PPO | {"policy_kwargs": SearchedOptions(NETWORKS)},
    "ppo_lstm": PPO | {"policy_kwargs": SearchedOptions(MEMORIES)},
    "a2c": ON_POLICY | {"policy_kwargs": SearchedOptions(NETWORKS)},
    "dqn": OFF_POLICY
    | {
        "target_update_interval": SearchedRange(500, 10_000),
        "exploration_fraction": SearchedRange(0.05, 0.5),
        "exploration_final_eps": SearchedRange(0.01, 0.2),
    },
    "sac": OFF_POLICY | {"tau": SearchedOptions((0.005, 0.01, 0.02, 0.05))},
    "td3": OFF_POLICY
    | {"tau": SearchedOptions((0.005, 0.01, 0.02, 0.05)), "noise_std": SearchedRange(0.05, 0.5)},
}
"""By algorithm."""
