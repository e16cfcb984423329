"""Rewards of the published learners, as functions of a window.

Their temperature limit is `GUARD_C` below T_max, where the baselines act. Two of them need what not
every board knows, and are NaN without it: `ztt` the power, `q_table` the voltages.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tvfs_gym.envs.boards.window import Window
from tvfs_gym.envs.limits import GUARD_C

ZTT_POWER_WEIGHT = 2.0
"""beta of zTT, for power in units of 100 mW."""

ZTT_HEAT_REWARD, ZTT_HEAT_PENALTY = 0.2, -2.0

LOTUS_DEADLINE_MS = 400.0
"""Default deadline of LOTUS, to which latencies are taken: its weights mean what they meant."""

LOTUS_PENALTY, LOTUS_DEADLINE_WEIGHT = 2.0, 1.0
"""Weights of the released code, the second one for the Jetson Orin."""

Q_TABLE_POWER_WEIGHT, Q_TABLE_HEAT_WEIGHT = 0.1, 5.0
"""lambda and rho of RL-DVFS."""


def ztt(window: Window) -> Any:
    """zTT's, as its released code for the TX2 has it: r = u + v + beta / P.

    u = min(1, L_c / latency); v = 0.2 tanh(T_limit - T) below the limit, else -2; P in 100 mW.
    """
    spare_c = window.t_max_c - GUARD_C - window.temperature_c
    heat = np.where(spare_c > 0.0, ZTT_HEAT_REWARD * np.tanh(spare_c), ZTT_HEAT_PENALTY)
    power_w = window.energy_j / window.duration_s
    return _service(window) + heat + ZTT_POWER_WEIGHT / (10.0 * power_w)


def lotus(window: Window) -> Any:
    """LOTUS's, as its released code has it, with one temperature.

    r = F(h) + beta G(s) + beta / (1 + std)

    h = tanh(T_limit - T) below the limit, else T_limit - T; F(h) = h if h > 0, else 2 h;
    s is the slack in ms; G(s) = softsign(s / 1000) if s > 0, else twice that; std is the population
    standard deviation of the last three latencies in ms.
    """
    spare_c = window.t_max_c - GUARD_C - window.temperature_c
    headroom = np.where(spare_c > 0.0, np.tanh(spare_c), spare_c)
    scale = LOTUS_DEADLINE_MS / window.latency_constraint_s
    slack = scale * (window.latency_constraint_s - window.latency_mean_s) / 1000.0
    return (
        _penalised(headroom)
        + LOTUS_DEADLINE_WEIGHT * _penalised(slack / (1.0 + np.abs(slack)))
        + LOTUS_DEADLINE_WEIGHT / (1.0 + scale * window.latency_spread_s)
    )


def q_table(window: Window) -> Any:
    """RL-DVFS's, as its released code has it, with the service s = min(1, L_c / latency).

    r = s - lambda (P - P_min) / P_min - rho max(T - T_limit, 0) P, P = V^2 f / (V^2 f)_max
    """
    excess = Q_TABLE_POWER_WEIGHT * (window.v2f - window.v2f_slowest) / window.v2f_slowest
    hot_c = np.maximum(window.temperature_c - (window.t_max_c - GUARD_C), 0.0)
    return _service(window) - excess - Q_TABLE_HEAT_WEIGHT * hot_c * window.v2f


def _service(window: Window) -> Any:
    return np.minimum(1.0, window.latency_constraint_s / window.latency_mean_s)


def _penalised(value: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(value > 0.0, value, LOTUS_PENALTY * value)
