"""Compilation of the scalar physics with numba where it is installed.

The decorated functions are written in the subset of Python that numba compiles, so they give the
same bits without it (``NUMBA_DISABLE_JIT=1``, or numba absent, as on a 32-bit board).
"""

import sys
from collections import namedtuple
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray

try:
    import numba
except ImportError:
    numba = None  # type: ignore[assignment]

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


@lru_cache
def _fingerprint(folder: Path) -> str:
    """Changes with any source of a folder, or of this package."""
    sources = sorted({*Path(__file__).parent.rglob("*.py"), *folder.rglob("*.py")})
    return sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:12]


def indices(*names: str) -> Any:
    """Numbers names from 0: ``indices("A", "B").B == 1``, a constant in compiled code too."""
    return namedtuple("indices", names)(*range(len(names)))


def jit(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Compiles a function, with a cache on disk; without numba returns it as it is.

    It is inlined wherever it is called: handing a dozen arrays on costs as much as the arithmetic.
    """
    return _compiled(function, forceinline=True)


def jit_apart(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Compiles a function that is called, not inlined: one that is long, or runs seldom."""
    return _compiled(function, forceinline=False)


def direct(function: Callable[Parameters, Result], *arguments: Any) -> Callable[Parameters, Result]:
    """The compiled code for arguments of such types, or the function itself without numba.

    Called by itself, a compiled function looks up the types of all its arguments every time, which
    for a dozen arrays takes as long as the step of a twin.

    Args:
        function: Compiled.
        *arguments: Of the types that it will always be called with; nothing checks that.
    """
    dispatcher: Any = function
    if not hasattr(dispatcher, "overloads"):
        return function
    types = tuple(numba.typeof(argument) for argument in arguments)
    with announced():
        dispatcher.compile(types)
    code: Callable[Parameters, Result] = dispatcher.overloads[types].entry_point
    return code


@contextmanager
def announced() -> Iterator[None]:
    """Tells whoever looks on at a terminal why the first step takes seconds.

    What the cache holds is not compiled, and not announced.
    """
    if numba is None or not sys.stderr.isatty():
        yield
        return
    with install_listener("numba:compile", _Announcement()):
        yield


def matrix(flat: NDArray[np.float64], rows: int, columns: int) -> NDArray[np.float64]:
    """Views a contiguous vector as a matrix.

    Compiled, ``reshape`` calls a C function that takes longer than a pass of a network.
    """
    return flat.reshape(rows, columns)


if numba is not None:
    from numba import types
    from numba.core.event import Event, Listener, install_listener
    from numba.core.typing import signature
    from numba.extending import intrinsic, overload
    from numba.np.arrayobj import make_array, populate_array

    @intrinsic
    def _matrix(typing: Any, flat: Any, rows: Any, columns: Any) -> Any:
        result = types.Array(flat.dtype, 2, "C")

        def code(context: Any, builder: Any, sig: Any, arguments: Any) -> Any:
            vector = make_array(flat)(context, builder, arguments[0])
            view = make_array(result)(context, builder)
            shape = [
                context.cast(builder, value, kind, types.intp)
                for value, kind in zip(arguments[1:], sig.args[1:], strict=True)
            ]
            strides = [builder.mul(vector.itemsize, shape[1]), vector.itemsize]
            populate_array(
                view, vector.data, shape, strides, vector.itemsize, vector.meminfo, vector.parent
            )
            return view._getvalue()

        return signature(result, flat, rows, columns), code

    class _Announcement(Listener):
        said = False

        def on_start(self, event: Event) -> None:
            if not _Announcement.said:
                _Announcement.said = True
                print("tvfs-gym: compiling once, about ten seconds ...", file=sys.stderr)

        def on_end(self, event: Event) -> None:
            pass

    # Inlined, the view is not returned, so the caller needs no reference counts.
    _counting: Any = {"_nrt": True}

    @overload(matrix, inline="always", jit_options=_counting)
    def _compiled_matrix(flat, rows, columns):  # type: ignore[no-untyped-def]
        # Both signatures must be alike, and a lambda's cannot be annotated.
        return lambda flat, rows, columns: _matrix(flat, rows, columns)


def interpreted(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """The Python function behind a compiled one.

    Compiled code here cannot hand views to the interpreter: it would return the array behind them.
    """
    dispatcher: Any = function
    python: Callable[Parameters, Result] = getattr(dispatcher, "py_func", function)
    return python


def _compiled(
    function: Callable[Parameters, Result], forceinline: bool
) -> Callable[Parameters, Result]:
    if numba is None:
        return function
    # numba's cache looks only at the file a function stands in, not at those of the functions it
    # calls; a name that changes with any of the sources keeps it from serving stale code.
    folder = Path(function.__code__.co_filename).parent
    function.__qualname__ += f"-{_fingerprint(folder)}"
    # No function here allocates, so none needs numba's reference counts, which cost three times the
    # arithmetic; one that did would fail to compile.
    # No divisor is zero, and asking costs more than dividing.
    options: dict[str, Any] = {
        "cache": True,
        "error_model": "numpy",
        "forceinline": forceinline,
        "nogil": True,
        "_nrt": False,
    }
    try:
        compiled: Callable[Parameters, Result] = numba.njit(**options)(function)
    except RuntimeError:  # numba has nowhere to keep a cache: read-only package, no home folder
        compiled = numba.njit(**{**options, "cache": False})(function)
    return compiled
