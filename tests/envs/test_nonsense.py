"""Values that nobody can mean are refused by the models, before compiled code sees them."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tvfs_gym.envs.boards.profile import PROFILES, load_profile
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.inference import images
from tvfs_gym.envs.twin_env import TwinEnv
from tvfs_gym.envs.yaml_files import MOST_NODES, read_yaml

PROFILE = (PROFILES / "odroid_xu4.toml").read_text()
NUMBER = r"[\d_.e+]+"


@pytest.mark.parametrize(
    "options",
    [
        {"unit": {"capacitance": 1e308}},
        {"unit": {"latency": 1e9}},
        {"unit": {"resistance": float("nan")}},
        {"latency_constraint_s": float("inf")},
        {"ambient_c": float("nan")},
        {"frames": 10**12},
        {"arrival_period_s": 1e300},
        {"background_load": 1.0},
        {"sensing": {"lag_s": 1e9}},
        {"changes": [{"at_s": 1.0, "ambient_c": 1e308}]},
    ],
    ids=str,
)
def test_a_scenario(options: dict[str, Any]) -> None:
    env = TwinEnv("odroid_xu4")
    with pytest.raises(InputError):
        env.reset(seed=0, options=options)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("frequency_hz", "1536.0"),  # MHz
        ("voltage_v", "1.18e21"),
        ("poll_s", "1e-9"),
        ("critical_c", "1e308"),
        ("clock_gcycles", "nan"),
        ("cluster_nf", "1e308"),
        ("resolution_c", "0.0"),
    ],
)
def test_a_profile_s_number(tmp_path: Path, key: str, value: str) -> None:
    changed, count = re.subn(rf"\b{key} = {NUMBER}", f"{key} = {value}", PROFILE, count=1)
    assert count == 1
    (tmp_path / "board.toml").write_text(changed)
    with pytest.raises(InputError, match=key):
        load_profile(str(tmp_path / "board.toml"))


@pytest.mark.parametrize("key", ["capacitances_j_k", "resistances_k_w"])
@pytest.mark.parametrize("value", ["1e308", "0.0", "nan", "-1.0"])
def test_a_thermal_network(tmp_path: Path, key: str, value: str) -> None:
    changed, count = re.subn(rf"\b{key} = \[\s*{NUMBER}", f"{key} = [{value}", PROFILE, count=1)
    assert count == 1
    (tmp_path / "board.toml").write_text(changed)
    with pytest.raises(InputError, match=key):
        load_profile(str(tmp_path / "board.toml"))


@pytest.mark.parametrize("count", [20_000, 1_000_000])
def test_a_profile_of_too_many_levels(tmp_path: Path, count: int) -> None:
    level = "{ frequency_hz = 1e9, voltage_v = 1.0 },"
    levels = f"operating_points = [{level * count}]\n"
    text = re.sub(r"operating_points = \[.*?\n\]\n", levels, PROFILE, flags=re.DOTALL)
    assert text != PROFILE
    (tmp_path / "board.toml").write_text(text)
    with pytest.raises(InputError, match=r"operating_points|longer than"):
        load_profile(str(tmp_path / "board.toml"))


BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 8)
)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (BOMB, f"more than {MOST_NODES} things"),
        ("[" * 100_000, "nested too deeply"),
        ("a: " + "9" * 5000, "no YAML file"),
        ("a: !!python/object/apply:os.system [id]", "no YAML file"),
        ("{[1]: 2}", "no YAML file"),
        ("a: 2001-99-99", "no YAML file"),
        ("1: 2", "expected keys and values"),
        ("x" * (2 << 20), "longer than 1 MiB"),
    ],
    ids=lambda text: text[:20],
)
def test_a_yaml_file(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "file.yaml").write_text(text)
    with pytest.raises(InputError, match=told):
        read_yaml(tmp_path / "file.yaml")


def test_a_picture_of_too_many_pixels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MOST_PIXELS", 99)
    Image.fromarray(np.zeros((10, 10, 3), np.uint8)).save(tmp_path / "large.png")
    with pytest.raises(InputError, match="10 x 10 pixels, more than 99: scale it down"):
        images.open_image(tmp_path / "large.png")
