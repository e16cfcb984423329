"""Golden episodes: the twin's numbers change only on purpose.

After a change on purpose, write them again with ``python -m tests.test_golden``, and raise the
version of the environment ids.
"""

import json
from pathlib import Path

import pytest

from tvfs_gym.baselines import Design, build
from tvfs_gym.baselines.characterisation.characterisation import characterise
from tvfs_gym.envs.scenario import Scenario
from tvfs_gym.envs.twin_env import TwinEnv
from tvfs_gym.experiments.benchmarks.suite import Suite
from tvfs_gym.experiments.episodes import Row, run_episode

VALUES = {
    "frequency_reactive": {"guard_c": 3.0, "hysteresis_c": 10.0},
    "tvfs": {"guard_c": 3.0},
}
"""What is golden is the twin: these stay when the baselines are tuned again."""

SUITE = Suite.model_validate(
    {
        "family": "recorded",
        "latency_constraints_s": (0.040, 0.075, 0.200),
        "conditions": {
            "nominal": {},
            "hot_ambient": {"scenario": {"ambient_c": 40.0}},
            "fan_failure": {"scenario": {"changes": [{"at_s": 20.0, "cooling": "fan_failed"}]}},
        },
    }
)
GOLDEN = Path(__file__).parent / "golden" / "episodes.json"


def golden_episodes() -> dict[str, Row]:
    """One episode of three controllers in every scenario."""
    env = TwinEnv("odroid_xu4", SUITE.family)
    characterisation = characterise(env.board, Scenario())
    rows = {}
    for scenario, case in SUITE.cases("odroid_xu4", {"frames": 1000}).items():
        env.scenario = case.scenario
        for name in ("performance", "frequency_reactive", "tvfs"):
            controller = build(name, Design.of(env, characterisation), **VALUES.get(name, {}))
            rows[f"{scenario}: {name}"] = run_episode(env, controller, 0)[1]
    return rows


def test_the_twin_gives_the_golden_episodes() -> None:
    expected = json.loads(GOLDEN.read_text())
    found = golden_episodes()
    assert list(found) == list(expected)
    for name, row in found.items():
        # Another platform's exp and log may differ in the last bit.
        same = {key: row[key] for key in expected[name]}  # the photographs are not kept
        assert same == pytest.approx(expected[name], rel=1e-6), name


if __name__ == "__main__":
    rows = {
        name: {key: value for key, value in row.items() if not key.startswith("photograph")}
        for name, row in golden_episodes().items()
    }
    GOLDEN.write_text(json.dumps(rows, indent=1, default=float) + "\n")
