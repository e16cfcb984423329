"""Adapter to the TFLite runtime: the only module that knows which packages offer one."""

import os
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from tvfs_gym.envs.errors import InputError, unknown

RUNTIMES = {
    "ai-edge-litert": "ai_edge_litert.interpreter",
    "tflite-runtime": "tflite_runtime.interpreter",
}
"""Modules with TFLite's ``Interpreter`` by package, in order of preference: LiteRT is about five
times faster on x86, and some converted networks are right only there."""

VARIABLE = "TVFS_GYM_RUNTIME"
"""Environment variable that names the package to use where both are installed."""


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


def interpreter(path: Path, threads: int, xnnpack: bool = True) -> Any:
    """Loads a network and allocates its tensors.

    Args:
        path: The .tflite file.
        threads: CPU threads of one pass.
        xnnpack: Use XNNPACK where the runtime does by default.

    Returns:
        An ``Interpreter`` of the runtime in use.

    Raises:
        InputError: The file is missing or is no TFLite network, or the threads are fewer than one.
    """
    if not path.is_file():
        raise InputError(f"there is no network at {path}.")
    if threads < 1:
        raise InputError(f"a pass needs at least 1 thread, not {threads}.")
    module = import_module(RUNTIMES[runtime_package()])
    resolver = "AUTO" if xnnpack else "BUILTIN_WITHOUT_DEFAULT_DELEGATES"
    try:
        loaded = module.Interpreter(
            model_path=str(path),
            num_threads=threads,
            experimental_op_resolver_type=getattr(module.OpResolverType, resolver),
        )
        loaded.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        first_line = str(error).splitlines()[0] if str(error) else "no reason given"
        raise InputError(f"{path} is not a usable TFLite network: {first_line}.") from error
    return loaded
