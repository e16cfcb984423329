"""VF levels of the policies that run inference, and what of the clock is boost."""

from collections.abc import Iterator, Sequence

from tvfs_gym.envs.boards.linux.capabilities import ClockDomain
from tvfs_gym.envs.errors import InputError

SAME_CLOCK = 0.01
"""Relative difference up to which two clocks are the same."""

SPREAD = 6
"""Levels that are taken from a driver without a table."""

STEP_KHZ = 100_000
"""Levels between the ends are multiples of it: the step of Intel's clock ratios, so that these
drivers round none of them."""

TURBO_MARK_KHZ = 1000
"""acpi-cpufreq lists turbo as an entry so much above the highest clock that is none."""


def levels_of(
    policies: Sequence[ClockDomain], wanted: int | Sequence[float] | None, boost: bool
) -> tuple[int, ...]:
    """The VF levels of policies that are set as one, kHz, slowest first.

    They lie within the limits that were found, which the user or the distribution chose. Policies
    with different tables have the entries that are in all of them.

    Args:
        policies: The policies.
        wanted: How many, evenly spread; or which, MHz; None for all of the table, or a few of a
            driver without one.
        boost: Take boost in.

    Raises:
        InputError: No level lies within the limits, or one that is wanted cannot be set.
    """
    least = max(policy.limits_khz[0] for policy in policies)
    most = min(_highest(policy, boost) for policy in policies)
    tables = [_table(policy, boost) for policy in policies if policy.frequencies_khz]
    within = [
        khz
        for khz in sorted(set.intersection(*map(set, tables)) if tables else ())
        if least <= khz <= most and all(_has(policy, khz) for policy in policies)
    ]
    if tables and not within:
        raise InputError(_nothing_left(policies, least, most))
    if not tables and least > most:
        raise InputError(_nothing_left(policies, least, most))
    if wanted is not None and not isinstance(wanted, int):
        return _checked(wanted, within, least, most)
    if not tables:
        return _spread_range(least, most, wanted or SPREAD)
    distinct = _distinct(within)
    return distinct if wanted is None else _spread_table(distinct, wanted)


def boost_left_out(policies: Sequence[ClockDomain]) -> tuple[int, ...]:
    """Clocks that only boost reaches and that are left out, kHz."""
    found = {khz for policy in policies for khz in policy.boost_khz}
    for policy in policies:
        if policy.frequencies_khz:
            table = _table(policy, boost=False)
            found |= {khz for khz in policy.frequencies_khz if khz > table[-1]}
        elif policy.base_khz and policy.limits_khz[1] > policy.base_khz * (1 + SAME_CLOCK):
            found.add(policy.limits_khz[1])
    return tuple(sorted(found))


def narrowed(policies: Sequence[ClockDomain]) -> Iterator[ClockDomain]:
    """Policies whose limits leave out some of what their driver offers."""
    for policy in policies:
        table = policy.frequencies_khz or policy.range_khz
        least, most = policy.limits_khz
        if least > table[0] * (1 + SAME_CLOCK) or most < table[-1] * (1 - SAME_CLOCK):
            yield policy


def _highest(policy: ClockDomain, boost: bool) -> int:
    most = policy.limits_khz[1]
    if boost or policy.frequencies_khz or not policy.base_khz:
        return most
    return min(most, max(policy.base_khz, policy.limits_khz[0]))


def _has(policy: ClockDomain, khz: int) -> bool:
    """Tells whether a clock lies in the range of a policy; one without a table has all of it."""
    return bool(policy.frequencies_khz) or policy.range_khz[0] <= khz <= policy.range_khz[1]


def _table(policy: ClockDomain, boost: bool) -> tuple[int, ...]:
    table = policy.frequencies_khz
    if boost and policy.boosts:
        return tuple(sorted({*table, *policy.boost_khz}))
    marked = len(table) > 1 and table[-1] - table[-2] == TURBO_MARK_KHZ
    return table[:-1] if marked and not boost else table


def _distinct(table: Sequence[int]) -> tuple[int, ...]:
    """Entries nearer than the clock can be measured are one: the higher of them."""
    kept: list[int] = []
    for khz in reversed(table):
        if not kept or khz < kept[-1] * (1 - SAME_CLOCK):
            kept.append(khz)
    return tuple(reversed(kept))


def _spread_range(least: int, most: int, count: int) -> tuple[int, ...]:
    inner = [least + (most - least) * step / max(count - 1, 1) for step in range(1, count - 1)]
    rounded = {STEP_KHZ * round(khz / STEP_KHZ) for khz in inner}
    ends = {most} if count == 1 else {least, most}
    return _distinct(sorted({khz for khz in rounded if least < khz < most} | ends))


def _spread_table(table: tuple[int, ...], count: int) -> tuple[int, ...]:
    last = len(table) - 1
    if count == 1:
        return table[-1:]
    return tuple(
        table[index] for index in sorted({round(k * last / (count - 1)) for k in range(count)})
    )


def _checked(
    wanted_mhz: Sequence[float], within: Sequence[int], least: int, most: int
) -> tuple[int, ...]:
    chosen = tuple(sorted({round(1e3 * mhz) for mhz in wanted_mhz}))
    for khz in chosen:
        if within and khz not in within:
            table = " ".join(f"{entry / 1e3:g}" for entry in within)
            raise InputError(f"levels: {khz / 1e3:g} MHz is not among {table} MHz.")
        if not least <= khz <= most:
            raise InputError(
                f"levels: {khz / 1e3:g} MHz does not lie within {least / 1e3:g} to "
                f"{most / 1e3:g} MHz."
            )
    return chosen


def _nothing_left(policies: Sequence[ClockDomain], least: int, most: int) -> str:
    names = ", ".join(policy.name for policy in policies)
    tables = [policy.frequencies_khz for policy in policies if policy.frequencies_khz]
    if tables and not set.intersection(*map(set, tables)):
        return f"{names} have no clock in common: name policies of one cluster."
    lowest, highest = (tables[0][0], tables[0][-1]) if tables else policies[0].range_khz
    folder = policies[0].path
    return (
        f"{names}: no clock of {lowest / 1e3:g} to {highest / 1e3:g} MHz lies within the limits "
        f"{least / 1e3:g} to {most / 1e3:g} MHz: lift them, e.g. echo {lowest} > "
        f"{folder / 'scaling_min_freq'} and echo {highest} > {folder / 'scaling_max_freq'}."
    )
