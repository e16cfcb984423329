"""Options of a real board beyond its networks and frames."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError, field_validator

from tvfs_gym.envs.boards.linux.liveness import STUCK_AFTER_S
from tvfs_gym.envs.boards.linux.wishes import Wishes, names_of
from tvfs_gym.envs.errors import invalid
from tvfs_gym.envs.tables import Table

OF_MACHINE = (
    "policies",
    "levels",
    "boost",
    "temperature",
    "power",
    "limit_c",
    "fan",
    "allow_single_level",
    "allow_no_sensor",
    "stuck_after_s",
    "state_folder",
)


class LinuxOptions(Table):
    """Options of a `LinuxBoard`.

    Attributes:
        policies: Names of the cpufreq policies on whose CPUs inference runs, e.g. ``policy4`` or
            ``policy4,policy6``; None for those of the fastest cluster.
        levels: Number of VF levels, evenly spread, or their clocks in MHz, e.g. ``8`` or
            ``800,1600,2400``; None for all of the driver's table, or six where it has none.
        boost: Offer clocks that only boost (turbo) reaches.
        temperature: Type or folder of the thermal zone, or name of the hwmon sensor, to read, e.g.
            ``k10temp/Tctl`` or ``thermal_zone1``; of several, separated by commas or of one name,
            the hottest counts; None for the most trusted.
        power: Names of energy counters or power sensors that add up, e.g. ``ina231/VDD_ARM``; None
            for the most trusted.
        profile: Board profile, name or TOML file, that knows the supply voltages.
        limit_c: The hard limit; None for 5 K below the lowest credible critical temperature.
        fan: Share of the full duty at which to hold the fans; None to leave them to the kernel.
        allow_single_level: Go on with one VF level where the clock cannot be set.
        allow_no_sensor: Go on without a temperature: it is NaN, in observations as well.
        nominal_latency_s: The scale of the latency constraint in observations; None to measure
            it. Give the twin's to a policy that was trained on it.
        sample_period_s: Time between two looks at the sensors within a window.
        cooldown_limit_s: How long a reset may wait for the start temperature.
        settle_s: How long the temperature must stay within `settle_c` to have settled.
        settle_c: See there.
        stuck_after_s: How long a reading may stay the same although it must have changed.
        state_folder: Where lock and saved settings are kept; None for the usual place.
    """

    policies: tuple[str, ...] | None = None
    levels: Annotated[int, Field(ge=1)] | tuple[float, ...] | None = None
    boost: bool = False
    temperature: tuple[str, ...] | None = None
    power: tuple[str, ...] | None = None
    profile: str | None = None
    limit_c: float | None = None
    fan: float | None = Field(default=None, ge=0, le=1)
    allow_single_level: bool = False
    allow_no_sensor: bool = False
    nominal_latency_s: float | None = Field(default=None, gt=0)
    sample_period_s: float = Field(default=0.1, ge=0)
    cooldown_limit_s: float = Field(default=600.0, ge=0)
    settle_s: float = Field(default=30.0, ge=0)
    settle_c: float = Field(default=1.0, ge=0)
    stuck_after_s: float = Field(default=STUCK_AFTER_S, gt=0)
    state_folder: Path | None = None

    @field_validator("policies", "temperature", "power", mode="before")
    @classmethod
    def _split_names(cls, given: Any) -> Any:
        return names_of(given) if isinstance(given, str) else given

    @field_validator("levels", mode="before")
    @classmethod
    def _split_levels(cls, given: Any) -> Any:
        return tuple(given.split(",")) if isinstance(given, str) else given

    @property
    def wishes(self) -> Wishes:
        """Those on CPUs, VF levels, sensors and limit."""
        return Wishes(
            self.policies, self.levels, self.boost, self.temperature, self.power, self.limit_c
        )

    @property
    def of_machine(self) -> dict[str, Any]:
        """Those that `tvfs_gym.envs.boards.linux.machine.Machine` takes."""
        return {name: getattr(self, name) for name in OF_MACHINE}


def options_of(options: LinuxOptions | dict[str, Any] | None) -> LinuxOptions:
    """Options from whatever an argument may be.

    Raises:
        InputError: A key is unknown or a value impossible.
    """
    if isinstance(options, LinuxOptions):
        return options
    try:
        return LinuxOptions.model_validate(options or {})
    except ValidationError as error:
        raise invalid("impossible options of a Linux board", error, LinuxOptions) from error
