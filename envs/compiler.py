"""What numba makes of the functions that `tvfs_gym.envs.jit` decorates."""

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numba
from numba import types
from numba.core.event import Event, Listener, install_listener
from numba.core.typing import signature
from numba.extending import intrinsic, overload
from numba.np.arrayobj import make_array, populate_array


def compiled(function: Callable[..., Any], forceinline: bool) -> Any:
    """Compiles a function, with a cache on disk.

    Args:
        function: The function.
        forceinline: True to inline it wherever it is called.
    """
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
        return numba.njit(**options)(function)
    except RuntimeError:  # numba has nowhere to keep a cache: read-only package, no home folder
        return numba.njit(**{**options, "cache": False})(function)


def entry_point(dispatcher: Any, arguments: tuple[Any, ...]) -> Callable[..., Any]:
    """The compiled code for arguments of such types; the function itself if numba is disabled."""
    if not hasattr(dispatcher, "overloads"):
        return dispatcher
    kinds = tuple(numba.typeof(argument) for argument in arguments)
    dispatcher.compile(kinds)
    return dispatcher.overloads[kinds].entry_point


def listening() -> AbstractContextManager[Any]:
    """Says on standard error that code is compiled, the first time that it is."""
    return install_listener("numba:compile", _Announcement())


def view_as(matrix: Callable[..., Any]) -> None:
    """Compiles a function that views a vector as a matrix, as such a view."""
    # Inlined, the view is not returned, so the caller needs no reference counts.
    counting: Any = {"_nrt": True}

    @overload(matrix, inline="always", jit_options=counting)
    def _(flat, rows, columns):  # type: ignore[no-untyped-def]
        # Both signatures must be alike, and a lambda's cannot be annotated.
        return lambda flat, rows, columns: _matrix(flat, rows, columns)


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


@lru_cache
def _fingerprint(folder: Path) -> str:
    """Changes with any source of a folder, or of this package."""
    sources = sorted({*Path(__file__).parent.rglob("*.py"), *folder.rglob("*.py")})
    return sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:12]
