"""Adapter to the TFLite runtime: the only module that knows which packages offer one."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from functools import lru_cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from subprocess import DEVNULL
from typing import Any

from tvfs_gym.envs.errors import InputError, unknown
from tvfs_gym.envs.inference import trial
from tvfs_gym.envs.inference.tensors import takes_any_size

RUNTIMES = {
    "ai-edge-litert": "ai_edge_litert.interpreter",
    "tflite-runtime": "tflite_runtime.interpreter",
}
"""Modules with TFLite's ``Interpreter`` by package, in order of preference: LiteRT is about five
times faster on x86, and some converted networks are right only there."""

VARIABLE = "TVFS_GYM_RUNTIME"
"""Environment variable that names the package to use where both are installed."""


HUNG_AFTER_S = 100.0
"""After which a trial is ended that waits rather than computes, s."""


def runtime() -> str:
    """Name and version of the runtime in use, e.g. ``ai-edge-litert 2.3.0``.

    Raises:
        InputError: No runtime is installed, or not the one that `VARIABLE` names.
    """
    return f"{runtime_package()} {version(runtime_package())}"


def runtime_package() -> str:
    """Package of the runtime in use.

    Raises:
        InputError: No runtime is installed, or not the one that `VARIABLE` names.
    """
    named = os.environ.get(VARIABLE)
    if named and named not in RUNTIMES:
        raise unknown(VARIABLE, named, RUNTIMES)
    for package in [named] if named else RUNTIMES:
        try:
            version(package)
        except PackageNotFoundError:
            continue
        return package
    raise InputError(
        f"{named or 'a TFLite runtime'} is not installed: run pip install ai-edge-litert or, on "
        'Linux with Python 3.10 or 3.11, pip install "tvfs-gym[tflite-runtime]".'
    )


def interpreter(
    path: Path,
    threads: int,
    xnnpack: bool = True,
    input_px: int | None = None,
    sha256: str | None = None,
) -> Any:
    """Loads a network and allocates its tensors.

    A network whose hash nobody vouches for is tried in a process of its own first: a damaged or
    hostile one may crash the runtime.

    Args:
        path: The .tflite file.
        threads: CPU threads of one pass.
        xnnpack: Use XNNPACK where the runtime does by default.
        input_px: Height and width of the pictures, of a network that takes any size.
        sha256: Hash of the network that is known to run; None if none is.

    Returns:
        An ``Interpreter`` of the runtime in use.

    Raises:
        InputError: The file is missing or is no TFLite network that runs, or the threads are fewer
            than one.
    """
    if not path.is_file():
        raise InputError(f"there is no network at {path}.")
    if threads < 1:
        raise InputError(f"a pass needs at least 1 thread, not {threads}.")
    module = import_module(RUNTIMES[runtime_package()])
    resolver = "AUTO" if xnnpack else "BUILTIN_WITHOUT_DEFAULT_DELEGATES"
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != sha256:
        reason = _tried(path, digest, resolver, input_px)
        if reason is not None:
            raise InputError(unusable(path, reason))
    try:
        loaded = module.Interpreter(
            model_path=str(path),
            num_threads=threads,
            experimental_op_resolver_type=getattr(module.OpResolverType, resolver),
        )
        picture = loaded.get_input_details()[0]
        if input_px is not None and takes_any_size(picture):
            loaded.resize_tensor_input(picture["index"], (1, input_px, input_px, 3))
        loaded.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise InputError(unusable(path, str(error))) from error
    return loaded


@lru_cache(maxsize=256)
def _tried(path: Path, digest: str, resolver: str, input_px: int | None) -> str | None:
    """Why a network cannot be used, found in a process of its own; None if it runs.

    Args:
        path: The .tflite file.
        digest: Hash of its content.
        resolver: Name of the runtime's resolver of operations.
        input_px: As for `interpreter`.
    """
    arguments = (RUNTIMES[runtime_package()], resolver, path, input_px or "")
    call = [sys.executable, "-I", trial.__file__, json.dumps(sys.path), *map(str, arguments)]
    try:
        done = subprocess.run(call, stdin=DEVNULL, capture_output=True, timeout=HUNG_AFTER_S)
    except subprocess.TimeoutExpired:
        return f"it does not answer within {HUNG_AFTER_S} s"
    if done.returncode == -signal.SIGXCPU or done.returncode == -signal.SIGKILL:
        return f"it does not answer within {trial.LONGEST_S} s of processor time"
    if done.returncode < 0:
        return f"it crashes {runtime()}, with signal {-done.returncode}"
    if done.returncode == trial.REFUSED:
        return done.stdout.decode(errors="replace")
    if done.returncode:
        return f"it ends {runtime()} with status {done.returncode}"
    return None


def unusable(path: Path, reason: str) -> str:
    """Says why the runtime refuses a network, and what would do instead."""
    if "edgetpu-custom-op" in reason:
        return (
            f"{path} is compiled for the Edge TPU: take the file it was compiled from, without "
            "_edgetpu in its name."
        )
    if "Select TensorFlow op" in reason or "Flex" in reason:
        return (
            f"{path} needs operations of TensorFlow itself (Flex), which {runtime()} lacks: "
            "convert it to TFLite's built-in operations alone."
        )
    first_line = reason.splitlines()[0] if reason else "no reason given"
    return f"{path} is not a usable TFLite network: {first_line[:200].rstrip('.')}."
