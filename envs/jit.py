"""Compilation of the scalar physics with numba where it is installed.

The decorated functions are written in the subset of Python that numba compiles, so they give the
same bits without it (``NUMBA_DISABLE_JIT=1``, or numba absent, as on a 32-bit board). numba takes a
fifth of a second to import: it is, when the first of them is called.
"""

import sys
from collections import namedtuple
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property, lru_cache, update_wrapper
from importlib.util import find_spec
from multiprocessing import parent_process
from types import ModuleType
from typing import Any, ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

HAS_NUMBA = find_spec("numba") is not None


class Compiled:
    """A function that is compiled when it is first called, from Python or from compiled code.

    Args:
        function: The function, of a module.
        forceinline: True to inline it wherever it is called.
    """

    def __init__(self, function: Callable[..., Any], forceinline: bool) -> None:
        update_wrapper(self, function)
        self.function = function
        self._name = function.__qualname__
        self._forceinline = forceinline

    @cached_property
    def dispatcher(self) -> Any:
        """What numba makes of it."""
        return _compiler().compiled(self.function, self._forceinline)

    @property
    def _numba_type_(self) -> Any:
        """Its type in compiled code that calls it."""
        return self.dispatcher._numba_type_

    def __call__(self, *arguments: Any) -> Any:
        """Calls the compiled code."""
        return self.dispatcher(*arguments)

    def __reduce__(self) -> str:
        """Pickled and copied by name, as functions are."""
        return self._name


def indices(*names: str) -> Any:
    """Numbers names from 0: ``indices("A", "B").B == 1``, a constant in compiled code too."""
    return namedtuple("indices", names)(*range(len(names)))


def jit(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Compiles a function, with a cache on disk; without numba returns it as it is.

    It is inlined wherever it is called: handing a dozen arrays on costs as much as the arithmetic.
    """
    return _lazily(function, forceinline=True)


def jit_apart(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Compiles a function that is called, not inlined: one that is long, or runs seldom."""
    return _lazily(function, forceinline=False)


def direct(function: Callable[Parameters, Result], *arguments: Any) -> Callable[Parameters, Result]:
    """The compiled code for arguments of such types, or the function itself without numba.

    Called by itself, a compiled function looks up the types of all its arguments every time, which
    for a dozen arrays takes as long as the step of a twin.

    Args:
        function: Decorated with `jit` or `jit_apart`.
        *arguments: Of the types that it will always be called with; nothing checks that.
    """
    if not isinstance(function, Compiled):
        return function
    with announced():
        code: Callable[Parameters, Result] = _compiler().entry_point(function.dispatcher, arguments)
    return code


@contextmanager
def announced() -> Iterator[None]:
    """Tells whoever looks on at a terminal why the first step takes seconds.

    What the cache holds is not compiled, and not announced; nor is what workers compile, too.
    """
    if not HAS_NUMBA or not sys.stderr.isatty() or parent_process() is not None:
        yield
        return
    with _compiler().listening():
        yield


def matrix(flat: NDArray[np.float64], rows: int, columns: int) -> NDArray[np.float64]:
    """Views a contiguous vector as a matrix.

    Compiled, ``reshape`` calls a C function that takes longer than a pass of a network.
    """
    return flat.reshape(rows, columns)


def interpreted(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """The Python function behind a compiled one.

    Compiled code here cannot hand views to the interpreter: it would return the array behind them.
    """
    return function.function if isinstance(function, Compiled) else function


def _lazily(
    function: Callable[Parameters, Result], forceinline: bool
) -> Callable[Parameters, Result]:
    if not HAS_NUMBA:
        return function
    compiled: Any = Compiled(function, forceinline)
    return compiled


@lru_cache
def _compiler() -> ModuleType:
    """What needs numba."""
    import tvfs_gym.envs.compiler as compiler

    compiler.view_as(matrix)
    return compiler
