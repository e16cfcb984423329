"""The RC network against an independent integration, and as physics demands."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import simpson, solve_ivp

from tvfs_gym.envs.physics.thermal import (
    RcNetwork,
    change_network,
    die_temperature_c,
    propagate,
    sensor_reading_c,
    time_above_s,
)

POSITIVE = st.floats(0.05, 50.0)
NETWORKS = st.integers(1, 3).flatmap(
    lambda n: st.builds(
        RcNetwork,
        st.tuples(*[POSITIVE] * n),
        st.tuples(*[st.floats(0.05 * 10**i, 10**i) for i in range(n)]),
    )
)


def integrated_c(
    network: RcNetwork, nodes_c: np.ndarray, power_w: float, seconds: float
) -> np.ndarray:
    r, c = np.array(network.resistances_k_w), np.array(network.capacitances_j_k)

    def slope(_: float, t: np.ndarray) -> np.ndarray:
        outward = (t - np.append(t[1:], 25.0)) / r
        return (np.append(power_w, outward[:-1]) - outward) / c

    return solve_ivp(slope, (0, seconds), nodes_c, "LSODA", rtol=1e-9, atol=1e-9).y[:, -1]


def nodes_of(network: RcNetwork, modes: np.ndarray) -> np.ndarray:
    """Node temperatures, by the network's own change into itself."""
    nodes = np.empty_like(modes)
    again = modes.copy()
    change_network(again, nodes, network.modes, network.modes)
    assert again == pytest.approx(modes, rel=1e-9, abs=1e-6)
    return nodes


@given(NETWORKS, NETWORKS)
def test_a_change_of_network_keeps_the_node_temperatures(one: RcNetwork, other: RcNetwork) -> None:
    size = min(len(one.resistances_k_w), len(other.resistances_k_w))
    before, after = (
        RcNetwork(n.resistances_k_w[:size], n.capacitances_j_k[:size]) for n in (one, other)
    )
    nodes_c = np.linspace(80.0, 30.0, size)
    modes, nodes = before.modes_of(nodes_c), np.empty(size)
    change_network(modes, nodes, before.modes, after.modes)
    assert modes == pytest.approx(after.modes_of(nodes_c), rel=1e-6, abs=1e-6)


@given(NETWORKS, st.floats(0, 10), st.floats(0.001, 100))
def test_propagation_is_exact(network: RcNetwork, power_w: float, seconds: float) -> None:
    nodes_c = np.linspace(60.0, 30.0, len(network.resistances_k_w))
    modes = network.modes_of(nodes_c)
    propagate(modes, network.modes, 25.0, power_w, seconds)
    expected_c = integrated_c(network, nodes_c, power_w, seconds)
    assert nodes_of(network, modes) == pytest.approx(expected_c, abs=1e-4)
    assert die_temperature_c(modes) == pytest.approx(expected_c[0], abs=1e-4)


@given(NETWORKS, st.floats(0, 10), st.floats(0.001, 10))
def test_two_steps_are_one_long_one(network: RcNetwork, power_w: float, seconds: float) -> None:
    once = network.modes_of(np.full(len(network.resistances_k_w), 40.0))
    twice = once.copy()
    propagate(once, network.modes, 25.0, power_w, 2 * seconds)
    propagate(twice, network.modes, 25.0, power_w, seconds)
    propagate(twice, network.modes, 25.0, power_w, seconds)
    assert twice == pytest.approx(once, rel=1e-9, abs=1e-9)


@given(NETWORKS, st.floats(0, 10), st.floats(0.001, 10))
def test_the_integral_is_that_of_many_small_steps(
    network: RcNetwork, power_w: float, seconds: float
) -> None:
    """Simpson's rule over 2000 pieces; the fastest mode here is no faster than 1/ms."""
    whole = network.modes_of(np.linspace(60.0, 30.0, len(network.resistances_k_w)))
    pieces = whole.copy()
    course_c = [die_temperature_c(pieces)]
    for _ in range(2000):
        propagate(pieces, network.modes, 25.0, power_w, seconds / 2000)
        course_c.append(die_temperature_c(pieces))
    integral_c_s = propagate(whole, network.modes, 25.0, power_w, seconds)
    assert integral_c_s == pytest.approx(simpson(course_c, dx=seconds / 2000), rel=1e-3)


@given(
    NETWORKS.filter(lambda network: network.time_constants_s.min() > 0.4),
    st.floats(0, 10),
    st.floats(0.05, 1.0),
    st.floats(0.0, 1.0),
)
def test_time_above_a_limit_follows_the_modes(
    network: RcNetwork, power_w: float, seconds: float, share: float
) -> None:
    """A die of 0.4 s between two polls, against two thousand small steps."""
    start = network.modes_of(np.linspace(60.0, 30.0, len(network.resistances_k_w)))
    pieces, course_c = start.copy(), [die_temperature_c(start)]
    for _ in range(2000):
        propagate(pieces, network.modes, 25.0, power_w, seconds / 2000)
        course_c.append(die_temperature_c(pieces))
    limit_c = min(course_c) + share * (max(course_c) - min(course_c))
    expected_s = seconds * (np.array(course_c) > limit_c).mean()
    above_s = time_above_s(start, network.modes, 25.0, power_w, seconds, limit_c)
    assert above_s == pytest.approx(expected_s, abs=0.02 * seconds)


def test_a_hot_spot_cools_faster_at_first_than_a_straight_line() -> None:
    """The audit: a straight line over a second would read 0.55 s instead of 0.30."""
    network = RcNetwork((10.0,), (0.043,))
    modes = np.array([80.0])
    above_s = time_above_s(modes, network.modes, 25.0, 0.0, 1.0, 52.5)
    assert above_s == pytest.approx(0.43 * math.log(2.0), rel=0.02)


@given(NETWORKS, st.floats(0, 10))
def test_it_settles_where_ohms_law_says(network: RcNetwork, power_w: float) -> None:
    steady_c = network.steady_nodes_c(25.0, power_w)
    assert steady_c[0] == pytest.approx(25.0 + power_w * network.total_resistance_k_w)
    modes = network.modes_of(steady_c)
    propagate(modes, network.modes, 25.0, power_w, 1000.0)
    assert nodes_of(network, modes) == pytest.approx(steady_c, abs=1e-6)


def test_time_constants_of_the_xu3_fit() -> None:
    """boards: tau 0.48 / 25 s, R_tot 11.5 K/W (fit to kranik/ARMPM_BUILDMODEL)."""
    network = RcNetwork((7.28, 4.23), (0.066, 5.90))
    assert network.time_constants_s == pytest.approx([25.2, 0.475], rel=0.01)
    assert network.total_resistance_k_w == pytest.approx(11.5, abs=0.02)


def test_a_sensor_rounds_to_its_resolution() -> None:
    assert sensor_reading_c(84.4999, 1.0) == 84.0
    assert sensor_reading_c(84.5, 1.0) == 85.0
    assert sensor_reading_c(50.1, 0.5) == 50.0
