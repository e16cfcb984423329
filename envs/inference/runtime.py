"""The one place that knows which TFLite runtime is installed."""

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from tvfs_gym.envs.errors import InputError

RUNTIMES = {
    "ai-edge-litert": "ai_edge_litert.interpreter",
    "tflite-runtime": "tflite_runtime.interpreter",
}
"""Packages that offer TFLite's ``Interpreter``, in order of preference: LiteRT is about five times
faster on x86, and some converted networks are right only there."""


def runtime() -> str:
    """Name and version of the runtime in use, e.g. ``ai-edge-litert 2.3.0``.

    Raises:
        InputError: Neither runtime is installed.
    """
    return f"{runtime_package()} {version(runtime_package())}"


def runtime_package() -> str:
    """Name of the runtime in use.

    Raises:
        InputError: Neither runtime is installed.
    """
    for package in RUNTIMES:
        try:
            version(package)
        except PackageNotFoundError:
            continue
        return package
    raise InputError(
        "no TFLite runtime is installed: run pip install tflite-runtime or "
        "pip install ai-edge-litert."
    )


def interpreter(path: Path, threads: int, xnnpack: bool = True) -> Any:
    """Loads a network and allocates its tensors.

    Args:
        path: The .tflite file.
        threads: CPU threads of one pass.
        xnnpack: Whether the runtime may hand the network to XNNPACK, as it does by itself.

    Raises:
        InputError: The file is missing or is no TFLite network, or no thread is given.
    """
    from importlib import import_module

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
