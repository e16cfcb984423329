"""What the claims that hold by construction rest on."""

import pytest

from tvfs_gym.envs.boards.profile import load_profile
from tvfs_gym.envs.inference.topology import load_family
from tvfs_gym.experiments.twin.claims import activity, published

XU4 = load_profile("odroid_xu4")


def test_equal_activity_is_equal_heat_and_less_activity_cools() -> None:
    """So that topology scaling alone does not cool follows from the networks' equal activity."""
    found = {row.activity: row for row in activity.activities_swept(XU4, "fan", 35.0, 85.0)}
    assert found[1.0].cooler_k == 0.0 and found[1.0].temperature_c > 85.0
    cooler = [row.cooler_k for row in found.values()]
    assert cooler == sorted(cooler, reverse=True)
    assert found[0.8].cooler_k > 5.0 and found[1.2].cooler_k < -5.0
    sustained = [row.sustained_hz for row in found.values()]
    assert sustained == sorted(sustained, reverse=True) and sustained[0] > sustained[-1]


def test_a_settled_chip_carries_off_what_it_makes() -> None:
    chip_c = activity.settled_c(XU4, "fan", 25.0, -1, 1.0)
    heat_w = XU4.switching_w(-1, 4) + XU4.power.rest_w + XU4.leakage_w(1.3125, chip_c)
    assert chip_c - 25.0 == pytest.approx(heat_w * sum(XU4.cooling["fan"].resistances_k_w))


def test_where_leakage_runs_away_no_clock_of_it_is_sustained() -> None:
    assert activity.settled_c(XU4, "fan_failed", 40.0, -1, 1.0) == activity.HOTTEST_C


def test_losses_are_paired_and_fall_with_room_for_time_and_heat() -> None:
    tight, loose = (
        [one for one in published.limits_swept(2, constraints_s=(limit_s,), thresholds_c=(85.0,))]
        for limit_s in (0.027, 0.1)
    )
    assert all(a.loss > b.loss for a, b in zip(tight, loose, strict=True))
    assert loose[1].loss == pytest.approx(0.0, abs=1e-9) == loose[1].loss_se  # the same network


def test_the_published_losses_are_those_of_two_networks() -> None:
    top1 = {t.name: t.top1_published for t in load_family(published.FAMILY).topologies}
    best = top1["mobilenet_v1_1.0_224"]
    assert best is not None
    for name, loss in (("mobilenet_v1_1.0_192", 0.9), ("mobilenet_v1_1.0_160", 3.1)):
        other = top1[name]
        assert other is not None and best - other == pytest.approx(loss)
