"""Whether a thermometer lives: a change of load must show, by what earlier changes have shown."""

import math

STUCK_AFTER_S = 120.0
"""How long a reading may stay the same to the last digit although it must have changed."""

CHANGED_LOAD = 0.2
"""Change of the mean load, of the highest seen, from which a response is learnt."""

MUST_SHOW_C = 2.0
"""Least change of temperature that must show, whatever the resolution."""

MUST_SHOW_STEPS = 3.0
"""The same in steps of the sensor: a plateau of a coarse sensor may hide two."""

WITNESSED_C = 5.0
"""How far another sensor of the chip must have moved for this one to be stuck."""


class Liveness:
    """Watches one reading, the load, and what other sensors of the chip say.

    The load is averaged over half of `stuck_after_s`, which smooths the pauses between frames; the
    temperature's response to a change of it is learnt, and the weakest seen counts. Without a
    response or a witness there is no verdict: a steady load may well give a steady reading.

    Args:
        stuck_after_s: How long a reading may stay the same although it must have changed.
    """

    def __init__(self, stuck_after_s: float = STUCK_AFTER_S) -> None:
        self._stuck_after_s = stuck_after_s
        self._before_s = math.nan
        self._mean = self._highest = 0.0
        self._reference: tuple[float, float] | None = None
        self._reading_c = math.nan
        self._mean_then = 0.0
        self._witness_then_c = math.nan
        self._resolution_c = math.inf
        self._response_c = math.inf
        self._due_s: float | None = None

    def stuck_for_s(
        self, time_s: float, temperature_c: float, load: float, witness_c: float = math.nan
    ) -> float | None:
        """For how long a change has been due that does not show; None while that is no verdict.

        Args:
            time_s: The present, of the monotonic clock.
            temperature_c: The reading.
            load: Heat of the chip now, in any unit.
            witness_c: Reading of another sensor of the chip; NaN if there is none.
        """
        self._average(time_s, load)
        if temperature_c != self._reading_c:
            self._learn(temperature_c)
            self._reading_c, self._mean_then = temperature_c, self._mean
            self._witness_then_c, self._due_s = witness_c, None
            return None
        if not self._must_show() and not self._moved(witness_c):
            self._due_s = None
            return None
        self._due_s = time_s if self._due_s is None else self._due_s
        due_s = time_s - self._due_s
        return due_s if due_s > self._stuck_after_s else None

    def _average(self, time_s: float, load: float) -> None:
        if math.isnan(self._before_s):
            self._mean = load
        else:
            passed = (time_s - self._before_s) / (0.5 * self._stuck_after_s)
            self._mean += (load - self._mean) * -math.expm1(-passed)
        self._before_s = time_s
        self._highest = max(self._highest, self._mean)

    def _learn(self, temperature_c: float) -> None:
        if self._reference is None:
            self._reference = self._mean, temperature_c
            return
        step_c = abs(temperature_c - self._reading_c)
        self._resolution_c = min(self._resolution_c, step_c)
        mean, then_c = self._reference
        if abs(self._mean - mean) >= CHANGED_LOAD * self._highest > 0:
            response_c = abs(temperature_c - then_c) / abs(self._mean - mean)
            self._response_c = min(self._response_c, response_c)
            self._reference = self._mean, temperature_c

    def _must_show(self) -> bool:
        if math.isinf(self._response_c):
            return False
        expected_c = self._response_c * abs(self._mean - self._mean_then)
        return expected_c >= max(MUST_SHOW_C, MUST_SHOW_STEPS * self._resolution_c)

    def _moved(self, witness_c: float) -> bool:
        return abs(witness_c - self._witness_then_c) >= WITNESSED_C
