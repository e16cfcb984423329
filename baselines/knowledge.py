"""What each baseline knows, before the run and during it.

All of them know the VF levels, the topologies, the constraints L_c and T_max, the camera's period
and the classifier's policy (`tvfs_gym.baselines.controller.KNOWN`); none but those with hindsight
knows the room, the cooling, the unit, the load or what will change.
"""

from enum import Enum


class Knowledge(Enum):
    """What a controller may know beyond that; the value is what a table calls it."""

    LATENCIES = "latencies and accuracies"
    """From the board's characterisation: the passes' latencies, the networks' recorded answers."""
    TEMPERATURES = "settled temperatures"
    """From the characterisation: temperatures reached at the VF levels."""
    MODEL = "thermal and power model"
    """From the board's profile, as identified for its type: of a twin these are its equations and
    parameters, but those of the unit at hand."""
    TRIPS = "kernel's trips"
    """From the profile: the throttling presets."""
    TEMPERATURE = "temperature"
    """During the run: the sensor's readings."""
    LATENCY = "latency"
    """During the run: the frames' latencies."""
    CAP = "cap on the clock"
    """During the run: the highest VF level that throttling allows."""
    SCENARIO = "the very scenario"
    """In hindsight: room, cooling, unit, load and what will change."""


_LATENCIES = frozenset({Knowledge.LATENCIES})
_SETTLED = _LATENCIES | {Knowledge.TEMPERATURES}
_WATCHING = _LATENCIES | {Knowledge.TEMPERATURE}
_KERNEL = _WATCHING | {Knowledge.TRIPS}
_TVFS = _SETTLED | {Knowledge.TEMPERATURE, Knowledge.LATENCY}
_ALLOCATOR = _TVFS | {Knowledge.MODEL, Knowledge.TRIPS}
_ALERT = _LATENCIES | {Knowledge.MODEL, Knowledge.LATENCY}
_PREDICTIVE = _ALERT | {Knowledge.TEMPERATURE, Knowledge.TRIPS, Knowledge.CAP}

KNOWLEDGE: dict[str, frozenset[Knowledge]] = {
    "performance": _LATENCIES,
    "powersave": _LATENCIES,
    "ondemand": _LATENCIES | {Knowledge.LATENCY},
    "ondemand_ds3": _LATENCIES | {Knowledge.LATENCY},
    "schedutil": _LATENCIES | {Knowledge.LATENCY},
    "userspace_half": _LATENCIES,
    "step_wise": _KERNEL,
    "step_wise_hysteresis": _KERNEL,
    "power_allocator": _ALLOCATOR,
    "ipa_topology": _ALLOCATOR,
    "ds3_throttling": _WATCHING,
    "ds3_dtpm": _WATCHING,
    "topology_scaling": _LATENCIES,
    "frequency_reactive": _WATCHING,
    "frequency_proactive": _SETTLED,
    "tvfs_static": _SETTLED,
    "tvfs_open_loop": _SETTLED | {Knowledge.TEMPERATURE},
    "tvfs": _TVFS,
    "tvfs_duty": _TVFS | {Knowledge.MODEL},
    "tvfs_passes": _TVFS | {Knowledge.MODEL},
    "alert": _ALERT,
    "alert_reimplemented": _ALERT,
    "alert_t": _ALERT | {Knowledge.TEMPERATURE},
    "predictive": _PREDICTIVE,
    "predictive_plain": _PREDICTIVE,
    "predictive_generic": frozenset({Knowledge.TEMPERATURE, Knowledge.LATENCY, Knowledge.CAP}),
    "best_fixed": _LATENCIES | {Knowledge.SCENARIO},
    "oracle": frozenset(Knowledge) - {Knowledge.TEMPERATURES},
}
"""By controller; ``tests/baselines/test_knowledge.py`` takes each away and sees what changes."""
