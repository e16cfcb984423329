"""Power of a CPU cluster: switching and leakage."""

from tvfs_gym.envs.jit import jit
from tvfs_gym.envs.physics.exponential import decay

_ZERO_CELSIUS_K = 273.15


@jit
def dynamic_power_w(
    frequency_ghz: float,
    voltage_v: float,
    threads: float,
    activity: float,
    cluster_nf: float,
    thread_nf: float,
) -> float:
    """Switching power, C V^2 f.

    P = (C_cluster + threads * activity * C_thread) V^2 f, with nF * V^2 * GHz = W. The form and the
    Odroid-XU3's values are a fit to the INA231 measurements of kranik/ARMPM_BUILDMODEL.

    Args:
        frequency_ghz: Clock.
        voltage_v: Supply.
        threads: Busy threads, one per core.
        activity: Switching activity of the work, relative to the reference network's.
        cluster_nf: Capacitance that switches whenever the cluster is clocked.
        thread_nf: Capacitance that one busy thread adds.
    """
    capacitance_nf = cluster_nf + threads * activity * thread_nf
    return capacitance_nf * voltage_v * voltage_v * frequency_ghz


@jit
def leakage_power_w(
    voltage_v: float, temperature_c: float, c1_a_k2: float, c2_k: float, gate_a: float
) -> float:
    """Leakage of a cluster, which grows with its temperature.

    P = V (C1 T^2 exp(-C2 / T) + I_gate), T in kelvin (segemena/DS3 @056c930, config_file.ini and
    DTPM_power_models.py).

    Args:
        voltage_v: Supply.
        temperature_c: The hottest spot's temperature.
        c1_a_k2: C1, A/K^2.
        c2_k: C2, K.
        gate_a: Gate leakage, A.
    """
    kelvin = temperature_c + _ZERO_CELSIUS_K
    subthreshold_a = c1_a_k2 * kelvin * kelvin * decay(c2_k / kelvin)
    return voltage_v * (subthreshold_a + gate_a)
