"""Keeps the x86 guest's Python from numba, which a 32-bit ARM board has not either.

Its cache is of no use to another CPU, and compiling under emulation takes minutes.
"""

import sys

sys.modules["numba"] = None  # type: ignore[assignment]
