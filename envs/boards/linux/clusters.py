"""Which CPUs run inference: the policies of the fastest cores, among those that may be used."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tvfs_gym.envs.boards.linux.capabilities import Capabilities, ClockDomain, cpus_text
from tvfs_gym.envs.errors import InputError, unknown

ALIKE = 0.1
"""Relative difference up to which capacities, or clocks of drivers without a table, are those of
one kind of core: favoured cores differ by that much (hwloc takes the same, its issue 502)."""

IN_ORDER_CORES = {
    0x41: {0xC05, 0xC07, 0xD01, 0xD02, 0xD03, 0xD04, 0xD05, 0xD46, 0xD80},
    0x51: {0x801, 0x803, 0x805},
}
"""Parts, by implementer, of ARM's small cores (Cortex-A5, A7, A32, A34, A35, A53, A55, A510, A520)
and Qualcomm's (Kryo silver), as the kernel's arch/arm64/include/asm/cputype.h numbers them."""


@dataclass(frozen=True)
class Cluster:
    """Policies of one kind of core.

    Attributes:
        policies: The fastest first.
    """

    policies: tuple[ClockDomain, ...]

    @property
    def cpus(self) -> tuple[int, ...]:
        """All its CPUs."""
        return tuple(sorted({cpu for policy in self.policies for cpu in policy.cpus}))

    @property
    def option(self) -> str:
        """Option that chooses it."""
        return f"policies={','.join(policy.name for policy in self.policies)}"

    @property
    def words(self) -> str:
        """Its policies, CPUs, highest clock and capacity in words."""
        names = ", ".join(policy.name for policy in self.policies)
        fastest_mhz = max(policy.range_khz[1] for policy in self.policies) / 1e3
        capacity = self.policies[0].capacity
        power = "" if capacity is None else f", capacity {capacity}"
        return f"{names}: {cpus_text(self.cpus)}, up to {fastest_mhz:g} MHz{power}"


@dataclass(frozen=True)
class ClusterChoice:
    """The CPUs that run inference, and why.

    Attributes:
        policies: Theirs.
        others: Clusters that are left aside.
        notes: Sentences on the choice.
    """

    policies: tuple[ClockDomain, ...]
    others: tuple[Cluster, ...] = ()
    notes: tuple[str, ...] = ()


def clusters_of(policies: Sequence[ClockDomain]) -> tuple[Cluster, ...]:
    """Clusters of a machine, the fastest first.

    The order is that of the capacities; where a CPU has none, of the parts, the small cores last;
    then of the highest clocks.
    """
    measured = all(policy.capacity is not None for policy in policies)

    def speed(policy: ClockDomain) -> tuple[int, bool, int]:
        capacity = (policy.capacity or 0) if measured else 0
        return capacity, not _in_order(policy), policy.range_khz[1]

    left = sorted(policies, key=speed, reverse=True)
    clusters = []
    while left:
        kind = [policy for policy in left if policy is left[0] or _alike(left[0], policy)]
        left = [policy for policy in left if policy not in kind]
        clusters.append(Cluster(tuple(sorted(kind, key=lambda policy: policy.cpus))))
    return tuple(clusters)


def _in_order(policy: ClockDomain) -> bool:
    if policy.part is None:
        return False
    implementer, part = policy.part
    return part in IN_ORDER_CORES.get(implementer, ())


def _alike(fastest: ClockDomain, other: ClockDomain) -> bool:
    if fastest.part is not None and other.part is not None and fastest.part != other.part:
        return False
    if fastest.capacity is not None and other.capacity is not None:
        return _near(fastest.capacity, other.capacity)
    if fastest.frequencies_khz or other.frequencies_khz:
        if fastest.frequencies_khz == other.frequencies_khz:
            return True
        same_part = fastest.part is not None and fastest.part == other.part
        return same_part and _near(fastest.range_khz[1], other.range_khz[1])
    if fastest.base_khz is not None and other.base_khz is not None:
        return _near(fastest.base_khz, other.base_khz)
    return _near(fastest.range_khz[1], other.range_khz[1])


def _near(fast: int, other: int) -> bool:
    return abs(fast - other) <= ALIKE * fast


def choose_cluster(
    capabilities: Capabilities, names: Sequence[str] | None, forbidden: frozenset[int]
) -> ClusterChoice:
    """Chooses the policies that run inference.

    Args:
        capabilities: The machine's.
        names: Names of the policies; None for the fastest cluster.
        forbidden: CPUs that this process may not run on.

    Raises:
        InputError: A policy is not there, is offline, or this process may not run on its CPUs.
    """
    if not capabilities.policies and names is None:
        return ClusterChoice(())
    clusters = clusters_of(capabilities.policies)
    if names is not None:
        policies = tuple(_named(capabilities, name) for name in dict.fromkeys(names))
        _check_allowed(policies, forbidden)
        others = tuple(c for c in clusters if not set(c.policies) & set(policies))
        return ClusterChoice(policies, others)
    usable = [cluster for cluster in clusters if not _closed(cluster.cpus, forbidden)]
    if not usable:
        _check_allowed(capabilities.policies, forbidden)
    policies = tuple(p for p in usable[0].policies if not _closed(p.cpus, forbidden))
    others = tuple(cluster for cluster in clusters if cluster is not usable[0])
    return ClusterChoice(policies, others, tuple(_notes(clusters, usable[0], forbidden)))


def _named(capabilities: Capabilities, name: str) -> ClockDomain:
    for policy in capabilities.policies:
        if policy.name == name:
            return policy
    for offline in capabilities.offline:
        if offline.name == name:
            raise InputError(offline_words(name, offline.cpus))
    raise unknown("cpufreq policy", name, (policy.name for policy in capabilities.policies))


def offline_words(name: str, cpus: Sequence[int]) -> str:
    """Sentence on a policy whose CPUs are switched off, with the repair."""
    switch = f"/sys/devices/system/cpu/cpu{min(cpus, default='N')}/online"
    listed = f" ({cpus_text(list(cpus))})" if cpus else ""
    return f"{name} is offline{listed}: switch its CPUs on, e.g. echo 1 > {switch}."


def _closed(cpus: Sequence[int], forbidden: frozenset[int]) -> bool:
    return bool(cpus) and set(cpus) <= forbidden


def _check_allowed(policies: Sequence[ClockDomain], forbidden: frozenset[int]) -> None:
    for policy in policies:
        if _closed(policy.cpus, forbidden):
            raise InputError(
                f"this process may not run on {cpus_text(policy.cpus)} of {policy.name} (cpuset, "
                f"isolcpus or taskset): start it with taskset or a cpuset that has them, or name "
                f"policies whose CPUs it may use."
            )


def _notes(
    clusters: Sequence[Cluster], chosen: Cluster, forbidden: frozenset[int]
) -> Iterator[str]:
    faster = clusters[: clusters.index(chosen)]
    for cluster in faster:
        yield (
            f"This process may not run on the faster {cpus_text(cluster.cpus)} (cpuset, isolcpus "
            f"or taskset)."
        )
    closed = set(chosen.cpus) & forbidden
    if closed:
        yield f"This process may not run on {cpus_text(sorted(closed))} (cpuset or taskset)."
    policies = [policy for cluster in clusters for policy in cluster.policies]
    told = all(policy.capacity is not None for policy in policies) or all(
        policy.part is not None or policy.base_khz is not None for policy in policies
    )
    if len(clusters) > 1 and not told and not faster:
        yield (
            "No cpu_capacity, core part or base frequency tells which cores are fastest; those of "
            "the highest clock are taken, which may be the small ones."
        )
