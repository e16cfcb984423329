"""Tries a network, as a process of its own: a damaged or hostile one may crash the runtime.

Run as a script it needs NumPy and the runtime alone. It loads the network and runs one pass. It
exits with status 0; or with `REFUSED` and the runtime's reason on standard output, if that does not
load the network. What is wrong with a pass, other than that it crashes or never ends, is told by
whoever runs one.
"""

import contextlib
import json
import os
import sys
from importlib import import_module
from typing import Any

REFUSED = 3
"""Exit status if the runtime does not load the network."""

LONGEST_S = 10
"""Processor time that a network may take to be loaded and run once, s."""

MOST_BYTES = 4 << 30
"""Address space that it may take; the runtime's libraries take a part."""


def main(module: str, resolver: str, path: str, input_px: str) -> int:
    """Tries the network in a file.

    Args:
        module: The runtime's module.
        resolver: Name of its resolver of operations.
        path: The .tflite file.
        input_px: Height and width of the pictures of a network that takes any size, or nothing.
    """
    _limit()
    runtime = import_module(module)
    told = os.dup(1)
    os.dup2(2, 1)  # the runtime prints where it likes
    try:
        network = _loaded(runtime, resolver, path, int(input_px) if input_px else None)
    except (ValueError, RuntimeError, MemoryError) as error:
        os.write(told, (str(error) or "it needs too much memory").encode()[:2000])
        return REFUSED
    with contextlib.suppress(ValueError, RuntimeError):
        _run(network)
    return 0


def _limit() -> None:
    """Limits this process, where the system can."""
    with contextlib.suppress(ImportError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (LONGEST_S, LONGEST_S))
        resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))


def _loaded(runtime: Any, resolver: str, path: str, input_px: int | None) -> Any:
    network = runtime.Interpreter(
        model_path=path,
        num_threads=1,
        experimental_op_resolver_type=getattr(runtime.OpResolverType, resolver),
    )
    pictures = network.get_input_details()
    if input_px is not None and len(pictures) == 1 and -1 in pictures[0]["shape_signature"]:
        network.resize_tensor_input(pictures[0]["index"], (1, input_px, input_px, 3))
    network.allocate_tensors()
    return network


def _run(network: Any) -> None:
    for picture in network.get_input_details():
        network.tensor(picture["index"])()[...] = 1
    network.invoke()
    for output in network.get_output_details():
        network.get_tensor(output["index"])


if __name__ == "__main__":
    sys.path[:] = json.loads(sys.argv[1])
    sys.exit(main(*sys.argv[2:]))
