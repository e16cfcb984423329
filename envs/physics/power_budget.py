"""The kernel's ``power_allocator`` thermal governor (IPA), in its arithmetic.

drivers/thermal/gov_power_allocator.c, torvalds/linux @03c11eb3: ``estimate_pid_constants``,
``pid_controller``, ``power_allocator_throttle``, ``power_actor_set_power``; and
drivers/thermal/cpufreq_cooling.c, @03ab8e62: ``cpufreq_power2state``. Everything is an integer:
temperatures in millidegrees, power in mW, gains and errors with ten fractional bits; arrays may
hold them as doubles.
"""

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.envs.jit import jit

Numbers = NDArray[np.int64] | NDArray[np.float64]

TICK_MS = 100
"""``polling-delay-passive`` of boards with the governor: RK3588, S905 with the vendor's kernel."""

FRACTION_BITS = 10
NEVER_OFF_MC = 2**31
"""Switch-on distance of a zone with one passive trip, whose governor is always on."""

(
    K_PO,  # proportional gain above the control temperature ("overshoot")
    K_PU,  # and below it
    K_I,
    K_D,
    INTEGRAL_CUTOFF_MC,  # errors below it are summed up
    SWITCH_ON_MC,  # from the switch-on temperature to the control temperature
    PERIOD_MS,
    SUSTAINABLE_MW,
    MOST_MW,  # what all actors can draw in their lowest cooling state
    PARAMETERS_SIZE,
) = range(10)

ERROR_SUM, PREVIOUS_ERROR, STATE_SIZE = range(3)


def parameters(
    sustainable_mw: int, most_mw: int, control_mc: int, span_mc: int, period_ms: int
) -> NDArray[np.int64]:
    """The governor's parameters, with the kernel's default gains.

    k_po = P_sus / (T_control - T_on), k_pu = 2 P_sus / (T_control - T_on), k_i = k_pu / 10 but not
    below one unit, k_d = 0; in a zone with one passive trip T_control stands for the difference,
    and the governor is always on. The integral's cut-off is 0.

    Args:
        sustainable_mw: P_sus, which holds the control temperature.
        most_mw: Most power that the actors can draw.
        control_mc: Control temperature, m°C.
        span_mc: T_control - T_on; 0 for a zone with one passive trip.
        period_ms: Time between two ticks.
    """
    divisor_mc = span_mc or control_mc
    made = np.zeros(PARAMETERS_SIZE, np.int64)
    made[K_PO] = (sustainable_mw << FRACTION_BITS) // divisor_mc
    made[K_PU] = (2 * sustainable_mw << FRACTION_BITS) // divisor_mc
    made[K_I] = max(made[K_PU] // 10, 1)
    made[SWITCH_ON_MC] = span_mc or NEVER_OFF_MC
    made[PERIOD_MS] = period_ms
    made[SUSTAINABLE_MW] = sustainable_mw
    made[MOST_MW] = most_mw
    return made


@jit
def power_budget_mw(parameters: Numbers, state: Numbers, below_control_mc: int) -> int:
    """One tick: the power that the actors may draw; updates the state in place.

    Below the switch-on temperature it is all they can draw, and the state is reset. Else
    P = clamp(P_sus + p + i + d, 0, P_most), with e = T_control - T,

    - p = k_po e above the control temperature, k_pu e below it;
    - i = k_i (sum of e), to which e is added only below the cut-off, and only as long as |i| stays
      below P_most (anti-windup);
    - d = k_d (e - previous e) / period.

    Args:
        parameters: As made by `parameters`.
        state: Shape (STATE_SIZE,), zeros at first.
        below_control_mc: T_control - T, m°C.
    """
    most_mw = int(parameters[MOST_MW])
    if below_control_mc > parameters[SWITCH_ON_MC]:
        state[ERROR_SUM] = 0
        state[PREVIOUS_ERROR] = 0
        return most_mw
    error = below_control_mc << FRACTION_BITS
    gain = int(parameters[K_PO]) if error < 0 else int(parameters[K_PU])
    proportional = (gain * error) >> FRACTION_BITS
    k_i = int(parameters[K_I])
    integral = (k_i * int(state[ERROR_SUM])) >> FRACTION_BITS
    if error < int(parameters[INTEGRAL_CUTOFF_MC]) << FRACTION_BITS:
        following = integral + ((k_i * error) >> FRACTION_BITS)
        if abs(following) < most_mw << FRACTION_BITS:
            integral = following
            state[ERROR_SUM] += error
    change = (int(parameters[K_D]) * (error - int(state[PREVIOUS_ERROR]))) >> FRACTION_BITS
    derivative = _divide(change << FRACTION_BITS, int(parameters[PERIOD_MS]))
    state[PREVIOUS_ERROR] = error
    budget_mw = int(parameters[SUSTAINABLE_MW]) + (
        (proportional + integral + derivative) >> FRACTION_BITS
    )
    return min(max(budget_mw, 0), most_mw)


@jit
def highest_level(core_mw: Numbers, budget_mw: int, load_percent: int) -> int:
    """The highest VF level whose power fits into a budget; the lowest if none does.

    The budget counts for the time that the cores are busy (``cpufreq_power2state``); cores that
    are not busy at all ask for no power, and get none (``divvy_up_power`` with one actor).

    Args:
        core_mw: Power of a busy core by VF level.
        budget_mw: Budget of all cores.
        load_percent: Sum of the cores' loads, in per cent of one core's time.
    """
    granted_mw = budget_mw if load_percent > 0 else 0
    normalised_mw = granted_mw * 100 // max(load_percent, 1)
    highest = 0
    for level in range(len(core_mw)):
        if core_mw[level] <= normalised_mw:
            highest = level
    return highest


@jit
def allocated_state(
    parameters: Numbers,
    state: Numbers,
    core_mw: Numbers,
    below_control_mc: int,
    load_percent: int,
) -> float:
    """One tick: the cooling state that the governor asks for; updates the state in place.

    Below the switch-on temperature it is 0. All states are open to it, as in the device trees of
    boards with this governor.

    Args:
        parameters: As made by `parameters`.
        state: Shape (STATE_SIZE,), zeros at first.
        core_mw: Power of a busy core by VF level, slowest first.
        below_control_mc: T_control - T, m°C.
        load_percent: Sum of the cores' loads, in per cent of one core's time.
    """
    budget_mw = power_budget_mw(parameters, state, below_control_mc)
    if below_control_mc > parameters[SWITCH_ON_MC]:
        return 0.0
    return float(len(core_mw) - 1 - highest_level(core_mw, budget_mw, load_percent))


@jit
def _divide(dividend: int, divisor: int) -> int:
    """Division as in C, towards zero."""
    quotient = abs(dividend) // divisor
    return quotient if dividend >= 0 else -quotient
