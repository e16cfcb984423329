"""A network that nobody vouches for is tried in a process of its own, whose end is no harm."""

from pathlib import Path
from typing import Any

import pytest

from tests.tflite_file import write_network
from tvfs_gym.envs.errors import InputError
from tvfs_gym.envs.inference import runtime as module
from tvfs_gym.envs.inference.classifier import TfliteClassifier
from tvfs_gym.envs.inference.runtime import interpreter
from tvfs_gym.envs.inference.topology import ZOO, load_family

HARM = "import ctypes; ctypes.string_at(0)", "while True: pass", "import os; os._exit(5)"
"""What stands for a network that crashes the runtime, never ends in it, or ends its process."""


@pytest.fixture(params=HARM, ids=("crash", "hang", "end"))
def harmful(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: Any) -> Path:
    """A good network, and a runtime that does harm when it loads one."""
    (tmp_path / "harmful_runtime.py").write_text(
        f"class OpResolverType:\n    AUTO = 0\ndef Interpreter(**options):\n    {request.param}\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(module.RUNTIMES, module.runtime_package(), "harmful_runtime")
    monkeypatch.setattr(module.trial, "__file__", str(quick_trial(tmp_path)))
    return write_network(tmp_path / "net.tflite")


def quick_trial(folder: Path) -> Path:
    """The trial, with a second of processor time."""
    text = Path(module.trial.__file__).read_text()
    assert "LONGEST_S = 10" in text
    (folder / "trial.py").write_text(text.replace("LONGEST_S = 10", "LONGEST_S = 1"))
    return folder / "trial.py"


def test_a_network_that_harms_the_runtime_is_refused_in_a_sentence(harmful: Path) -> None:
    expected = "it crashes|does not answer within|ends .* with status 5"
    with pytest.raises(InputError, match=f"not a usable TFLite network: .*({expected})"):
        interpreter(harmful, 1)


def test_a_network_whose_hash_is_known_is_not_tried(monkeypatch: Any) -> None:
    topology = load_family("digits").topologies[0]
    tried: list[object] = []
    monkeypatch.setattr(module, "_tried", lambda *arguments: tried.append(arguments))
    TfliteClassifier(topology, Path(str(ZOO / "digits")))
    assert not tried
    unknown = topology.model_copy(update={"sha256": None})
    TfliteClassifier(unknown, Path(str(ZOO / "digits")))
    changed = topology.model_copy(update={"sha256": 64 * "0"})
    TfliteClassifier(changed, Path(str(ZOO / "digits")))
    assert len(tried) == 2


def test_the_reason_of_the_runtime_is_told(tmp_path: Path) -> None:
    (tmp_path / "net.tflite").write_bytes(b"\x1c\0\0\0TFL3" + bytes(1000))
    with pytest.raises(InputError, match="is not a usable TFLite network: "):
        interpreter(tmp_path / "net.tflite", 1)
