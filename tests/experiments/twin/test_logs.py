"""Logs of tools and tables of other people's: the right numbers, or why not."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.conftest import Cli
from tvfs_gym.envs.boards.profile import load_profile
from tvfs_gym.envs.errors import InputError
from tvfs_gym.experiments.twin.traces.heat import heated
from tvfs_gym.experiments.twin.traces.record import Run, read_record

N = 60
"""Samples of every log."""

TEMPERATURE_C = np.linspace(-4.0, 55.0, N).round(1)
POWER_W = np.where(np.arange(N) % 20 < 10, 2.5, 9.25)
LOAD = np.where(np.arange(N) % 20 < 10, 0.1, 0.95)
CLOCK_MHZ = np.where(np.arange(N) % 20 < 10, 600, 1500)

Lines = Callable[[int], str]


def _tegrastats(i: int) -> str:
    return (
        f"10-01-2025 20:05:{i:02d} RAM 2274/6834MB (lfb 1x4MB) CPU [99%@1190,10%@1190,off,off] "
        f"EMC_FREQ 0% GR3D_FREQ 0% cpu@{TEMPERATURE_C[i]}C soc2@40.1C gpu@-256C "
        f"tj@{TEMPERATURE_C[i]}C VDD_IN 12000mW/12000mW "
        f"VDD_CPU_GPU_CV {1000 * POWER_W[i] - 1000:.0f}mW/900mW VDD_SOC 1000mW/1000mW"
    )


def _tegrastats_without_times(i: int) -> str:
    load = round(100 * LOAD[i])
    return (
        f"RAM 1890/7846MB (lfb 977x4MB) CPU [{load}%@{CLOCK_MHZ[i]},{load}%@345,off,off] "
        f"EMC_FREQ 0% GR3D_FREQ 0% BCPU@{TEMPERATURE_C[i]}C MCPU@90C PMIC@100C"
    )


def _turbostat(i: int) -> str:
    head = "Core\tCPU\tAvg_MHz\tBusy%\tBzy_MHz\tCoreTmp\tPkgTmp\tPkgWatt\tCorWatt\n" * (i % 5 == 0)
    whole = f"-\t-\t50\t3.1\t1500\t40\t{TEMPERATURE_C[i]}\t{POWER_W[i]}\t1.0"
    return f"{head}{whole}\n0\t0\t50\t3.1\t1500\t99\t99\t99\t1.0\n0\t1\t50\t3.1\t1500"


def _armbianmonitor(i: int) -> str:
    return (
        f"23:59:{i:02d}: {CLOCK_MHZ[i]}/600MHz  0.93  {100 * LOAD[i]:.0f}%   1%   8%   0%   0%   "
        f"0%  {TEMPERATURE_C[i]}°C  0/7"
    )


def _armbianmonitor_with_head(i: int) -> str:
    head = "Stop monitoring using [ctrl]-[c]\nTime        CPU  load %cpu\n" if i == 0 else ""
    return (
        f"{head}10:00:{i:02d}  {CLOCK_MHZ[i]} MHz  0.93  {100 * LOAD[i]:.0f}%   1%   8%   0%   "
        f"{TEMPERATURE_C[i]} °C  0/7"
    )


def _tegrastats_of_a_nano(i: int) -> str:
    return (
        f"RAM 1890/3964MB (lfb 4x4MB) CPU [2%@1190,1%@1190,off,off] EMC_FREQ 0% PLL@27C "
        f"CPU@{TEMPERATURE_C[i]}C PMIC@100C thermal@29C POM_5V_IN 30000/3000 POM_5V_GPU 0/0 "
        f"POM_5V_CPU {1000 * POWER_W[i]:.0f}/300"
    )


def _vcgencmd(i: int) -> str:
    return (
        f"2024-05-01 10:00:{i:02d}\ntemp={TEMPERATURE_C[i]}'C\n"
        f"frequency(48)={CLOCK_MHZ[i]}000000\nthrottled=0x0\ncpu={100 * LOAD[i]:.0f}%"
    )


def _sensors(i: int) -> str:
    chip = {
        "nvme-pci-0100": {"Composite": {"temp1_input": 80.0}},
        "coretemp-isa-0000": {"Package id 0": {"temp1_input": TEMPERATURE_C[i], "temp1_max": 90.0}},
        "ppt-0": {"PPT": {"power1_input": POWER_W[i]}},
    }
    return f"{1700000000 + i}\n{json.dumps(chip, indent=1)}"


def _sensors_as_text(i: int) -> str:
    return (
        f"{1700000000 + i}\nnvme-pci-0100\nComposite: +80.0°C\n"
        f"\ncoretemp-isa-0000\nAdapter: ISA adapter\nPackage id 0:  {TEMPERATURE_C[i]:+}°C  "
        f"(high = +80.0°C)\nCore 0:        +99.0°C\n\nppt-0\nPPT:  {POWER_W[i]} W\n"
    )


def _libre_hardware_monitor(i: int) -> str:
    head = (
        ",/intelcpu/0/temperature/8,/intelcpu/0/power/0,/gpu-nvidia/0/temperature/0\n"
        "Time,CPU Package,CPU Package,GPU Core\n"
    )
    row = f'"12/31/2023 22:00:{i:02d}",{TEMPERATURE_C[i]},{POWER_W[i]},99'
    return (head if i == 0 else "") + row


def _json_lines(i: int) -> str:
    return json.dumps(
        {"ts": 1700000000 + i, "cpu": {"temp": TEMPERATURE_C[i], "power_w": POWER_W[i]}}
    )


def _hwinfo(i: int) -> str:
    head = "Date,Time,Core Temperatures (avg) [°C],CPU Package [°C],CPU Package Power [W],\n"
    row = f"1.12.2023,10:0{i // 60}:{i % 60:02d}.125,99.0,{TEMPERATURE_C[i]},{POWER_W[i]},"
    foot = f"\n{head},,Intel Core,,," if i == N - 1 else ""
    return (head if i == 0 else "") + row + foot


def _s_tui(i: int) -> str:
    head = "Time,Frequency:Avg,Frequency:Core 0,Temp:Package id 0,0,Util:Avg,Power:package-0,0\n"
    row = f"2023-05-01_10:00:{i:02d},{CLOCK_MHZ[i]},1,{TEMPERATURE_C[i]},9.0,{POWER_W[i]}"
    return (head if i == 0 else "") + row


def _milliseconds(i: int) -> str:
    head = "elapsed_ms;Tctl (°C);CPU Package Power (mW)\n" if i == 0 else ""
    temperature = f"{TEMPERATURE_C[i]}".replace(".", ",")
    return f"{head}{1000 * i};{temperature};{1000 * POWER_W[i]:.0f}"


def _fahrenheit(i: int) -> str:
    head = "timestamp,cpu_temp_f,cpu_percent,cpu_freq_khz\n" if i == 0 else ""
    degrees_f = TEMPERATURE_C[i] * 1.8 + 32
    return f"{head}{1700000000000 + 1000 * i},{degrees_f},{100 * LOAD[i]},{CLOCK_MHZ[i]}000"


def _with_units(i: int) -> str:
    head = "Time, CPU Temp, CPU Usage, CPU Freq\n" if i == 0 else ""
    load = f"{100 * LOAD[i]:.0f}%"
    return f"{head}2024-05-01T10:00:{i:02d}Z, {TEMPERATURE_C[i]}°C, {load}, {CLOCK_MHZ[i]} MHz"


def _own_with_dates(i: int) -> str:
    head = "\ufefftime_s; temperature_c; power_w\n" if i == 0 else ""
    temperature, power = (f"{v[i]}".replace(".", ",") for v in (TEMPERATURE_C, POWER_W))
    return f"{head}2024-05-01 10:00:{i:02d}; {temperature}; {power}"


_UTF_8 = (_armbianmonitor, _armbianmonitor_with_head, _sensors_as_text)


@pytest.mark.parametrize(
    ("line", "heat", "told"),
    [
        (_tegrastats, "power_w", "temperature is tj, power is VDD_CPU_GPU_CV + VDD_SOC"),
        (_tegrastats_without_times, "load", "no times, so one sample in 1 s was assumed"),
        (_turbostat, "power_w", "temperature is PkgTmp, power is PkgWatt"),
        (_armbianmonitor, "load", "load is that of all cores"),
        (_armbianmonitor_with_head, "load", "load is that of all cores"),
        (_tegrastats_of_a_nano, "power_w", "power is POM_5V_GPU + POM_5V_CPU"),
        (_sensors_as_text, "power_w", "temperature is coretemp-isa-0000/Package id 0"),
        (_libre_hardware_monitor, "power_w", "temperature_c is 'intelcpu CPU Package temperature'"),
        (_json_lines, "power_w", "time_s is 'ts' in seconds since 1970"),
        (_vcgencmd, "load", "clock is that of the ARM cores"),
        (_sensors, "power_w", "temperature is coretemp-isa-0000/Package id 0/temp1_input"),
        (_hwinfo, "power_w", "temperature_c is 'CPU Package [°C]' in degrees Celsius"),
        (_s_tui, "power_w", "temperature_c is 'Temp:Package id 0,0' in degrees Celsius"),
        (_milliseconds, "power_w", "power_w is 'CPU Package Power (mW)' in milliwatts"),
        (_fahrenheit, "load", "temperature_c is 'cpu_temp_f' in degrees Fahrenheit"),
        (_with_units, "load", "load is 'CPU Usage' in percent"),
        (_own_with_dates, "power_w", "time_s is a date and time"),
    ],
    ids=lambda value: value.__name__ if callable(value) else None,
)
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_a_log_is_read_as_its_tool_wrote_it(
    tmp_path: Path, line: Lines, heat: str, told: str, encoding: str
) -> None:
    """Temperatures below zero among them, each with its sign."""
    text = "\n".join(line(i) for i in range(N))
    if encoding == "latin-1" and ("\ufeff" in text or line in _UTF_8):
        pytest.skip("these tools write UTF-8")
    path = tmp_path / "log.txt"
    path.write_bytes(text.encode(encoding))
    record = read_record(path)
    (run,) = record.runs
    period_s = 5.0 if line is _turbostat else 1.0
    assert run.time_s == pytest.approx(np.arange(N) * period_s)
    assert run.temperature_c == pytest.approx(TEMPERATURE_C, abs=1e-6)
    _check_heat(run, heat)
    assert told in " ".join(record.notes)


Row = Callable[[int, float, float], str]


@pytest.mark.parametrize(
    ("head", "row"),
    [
        ("time_s,temperature_c,power_w", lambda i, t, p: f"{1700000000 + i},{t},{p}"),
        ("time_s, temperature_c, power_w", lambda i, t, p: f"{i}, {t}, {p}"),
        ("time_s temperature_c power_w", lambda i, t, p: f"{i} {t} {p}"),
        ("# by me\n# time_s,temperature_c,power_w", lambda i, t, p: f"{i},{t},{p}"),
        ("Time_s,Temperature_C,Power_W", lambda i, t, p: f"{i},{t},{p}"),
        ("time_s,temperature_c,power_w", lambda i, t, p: f'{i},"{t}","{p}"'.replace(".", ",")),
        ("time_s,temperature_c,power_w", lambda i, t, p: f"{i},{t},{p}".replace("-", "−")),
        ("time_s,temp_K,power_w", lambda i, t, p: f"{i},{t + 273.15},{p}"),
        ("time_s,temperature_f,power_mw", lambda i, t, p: f"{i},{t * 1.8 + 32},{1000 * p}"),
        ("Time,CPU temp,Power", lambda i, t, p: f"10:0:{i:02d},{t * 1.8 + 32}°F,{1000 * p} mW"),
        ("time_ms,room_temp,cpu_temp,watts", lambda i, t, p: f"{i * 1000},25,{t},{p}"),
        ("epoch_ms,temp,power", lambda i, t, p: f"{1700000000000 + 1000 * i},{t},{p}"),
        ("epoch,temp,power", lambda i, t, p: f"{1700000000 * 10**9 + i * 10**9},{t},{p}"),
        ("ts,temp_c,watts", lambda i, t, p: f"2024-05-01T10:00:{i:02d}.123456+02:00,{t},{p}"),
        ("Time,CPU Temp (C),Power", lambda i, t, p: f"1/13/2024 10:0:{i:02d} PM,{t},{p} W"),
        ("time,temp,power", lambda i, t, p: f"{(86370 + i) // 3600 % 24}:{_sixty(i)},{t},{p}"),
    ],
)  # fmt: skip
def test_a_table_is_read_however_it_is_written(tmp_path: Path, head: str, row: Row) -> None:
    """Other units, other times, other marks; the last of them passes midnight."""
    path = tmp_path / "log.csv"
    rows = [row(i, *pair) for i, pair in enumerate(zip(TEMPERATURE_C, POWER_W, strict=True))]
    path.write_text("\n".join([head, *rows]))
    (run,) = read_record(path).runs
    assert run.time_s == pytest.approx(np.arange(N))
    assert run.temperature_c == pytest.approx(TEMPERATURE_C, abs=1e-6)
    _check_heat(run, "power_w")


def _sixty(i: int) -> str:
    return f"{(86370 + i) // 60 % 60:02d}:{(86370 + i) % 60:02d}"


@pytest.mark.parametrize(
    ("load", "factor"), [("load_pct", 100), ("cpu_usage", 1), ("cpu %", 100), ("CPU Usage", 100)]
)
@pytest.mark.parametrize(
    ("clock", "per_mhz"),
    [("frequency_mhz", 1), ("cpu_freq_ghz", 1e-3), ("cpu_freq_khz", 1e3), ("cpu freq (Hz)", 1e6)],
)
def test_a_load_beside_a_clock_counts(
    tmp_path: Path, load: str, factor: float, clock: str, per_mhz: float
) -> None:
    """Whatever its name: a clock alone would be taken for full load."""
    path = tmp_path / "log.csv"
    rows = [f"{i},{TEMPERATURE_C[i]},{factor * LOAD[i]},{CLOCK_MHZ[i] * per_mhz}" for i in range(N)]
    path.write_text("\n".join([f"time_s,temperature_c,{load},{clock}", *rows]))
    (run,) = read_record(path).runs
    _check_heat(run, "load")


def test_a_clock_alone_is_told_to_be_full_load(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    rows = [f"{i},{TEMPERATURE_C[i]},{CLOCK_MHZ[i]}" for i in range(N)]
    path.write_text("\n".join(["time_s,temperature_c,frequency_mhz", *rows]))
    record = read_record(path)
    assert "no load, so the cores are taken as busy throughout" in record.notes[0]


def _check_heat(run: Run, heat: str) -> None:
    if heat == "power_w":
        assert run.power_w == pytest.approx(POWER_W)
    else:
        assert run.load == pytest.approx(LOAD) and run.frequency_mhz == pytest.approx(CLOCK_MHZ)


def test_prometheus_series_are_joined(tmp_path: Path) -> None:
    def series(name: str, values: np.ndarray, **labels: str) -> dict[str, object]:
        pairs = [[1700000000 + i, str(value)] for i, value in enumerate(values)]
        return {"metric": {"__name__": name, **labels}, "values": pairs}

    idle = np.cumsum(1 - LOAD)  # of the interval that ends there
    result = [
        series("node_hwmon_temp_celsius", TEMPERATURE_C, chip="platform_coretemp_0"),
        series("node_cpu_seconds_total", idle, cpu="0", mode="idle"),
        series("node_cpu_seconds_total", idle * 9, cpu="0", mode="user"),
        series("node_cpu_scaling_frequency_hertz", CLOCK_MHZ * 1e6, cpu="0"),
    ]
    path = tmp_path / "query.json"
    path.write_text(json.dumps({"status": "success", "data": {"result": result}}))
    (run,) = read_record(path).runs
    assert run.load is not None and run.load[1:] == pytest.approx(LOAD[1:])
    assert run.temperature_c == pytest.approx(TEMPERATURE_C)
    assert run.frequency_mhz == pytest.approx(CLOCK_MHZ)


def test_a_folder_of_collectd_is_joined(tmp_path: Path) -> None:
    for name, values in {
        "thermal-thermal_zone0/temperature": TEMPERATURE_C,
        "cpu-0/percent-idle": 100 * (1 - LOAD),
        "cpufreq-0/cpufreq": CLOCK_MHZ * 1e6,
        "memory/memory-used": CLOCK_MHZ,
    }.items():
        for day, part in (("2024-05-01", slice(0, 30)), ("2024-05-02", slice(30, None))):
            path = tmp_path / f"{name}-{day}"
            path.parent.mkdir(exist_ok=True)
            rows = [f"{1714600000.5 + i},{v}" for i, v in enumerate(values)][part]
            path.write_text("\n".join(["epoch,value", *rows]))
    (run,) = read_record(tmp_path).runs
    _check_heat(run, "load")
    assert run.temperature_c == pytest.approx(TEMPERATURE_C)


@pytest.mark.parametrize("clock", ["---      ", "n/a MHz ", "         "])
def test_a_log_of_sbc_bench_without_a_clock_has_a_load(tmp_path: Path, clock: str) -> None:
    path = tmp_path / "bench.txt"
    lines = ["sbc-bench v0.9", "System health while running 7-zip multi core benchmark:", ""]
    for i in range(N):
        lines.append(
            f"17:25:{i:02d}: {clock} 0.93  {100 * LOAD[i]:.0f}%   1%  {TEMPERATURE_C[i]}°C"
        )
    path.write_text("\n".join(lines))
    (run,) = read_record(path).runs
    assert run.frequency_mhz is None and run.load == pytest.approx(LOAD)
    assert run.temperature_c == pytest.approx(TEMPERATURE_C)


def _sbc_bench(folder: Path, clock_mhz: int) -> Path:
    """A log of a board whose clock does not change, as sbc-bench 0.9 writes it."""
    path = folder / "4K7E.txt"
    lines = ["sbc-bench v0.9.9 Milk-V Mars", "System health while running 7-zip multi core:", ""]
    lines += [
        f"17:25:{i:02d}: {clock_mhz}MHz  0.93  {100 * LOAD[i]:.0f}%   1%  {TEMPERATURE_C[i]}°C"
        for i in range(N)
    ]
    path.write_text("\n".join(lines))
    return path


def test_a_log_of_an_unknown_board_is_read_with_another_board_s_power(tmp_path: Path) -> None:
    (run,) = read_record(_sbc_bench(tmp_path, 1500)).runs
    assert run.frequency_mhz == pytest.approx(1500) and run.load == pytest.approx(LOAD)
    trace = heated(run, load_profile("raspberry_pi_3b"))
    heat_w = trace.heat_at(trace.temperature_c) + sum(trace.workloads.values())
    assert heat_w[LOAD > 0.5].min() > 2 * heat_w[LOAD < 0.5].max()


def test_a_clock_beyond_the_board_s_names_the_board_not_the_new_profile(
    cli: Cli, tmp_path: Path
) -> None:
    log, profile = _sbc_bench(tmp_path, 2200), tmp_path / "quartz64.toml"
    done = cli("identify", log, "--board", "raspberry_pi_3b", "--output", profile)
    assert done.returncode == 2
    told = " ".join(done.stderr.split())
    assert "2200 is far beyond the 1200 MHz of raspberry_pi_3b" in told
    assert "name the board's profile with --board" in told and "quartz64" not in told


def _in_common_columns(folder: Path, head: str, row: Lines, encoding: str = "utf-8") -> Path:
    path = folder / "trace.csv"
    path.write_text("\n".join([head, *(row(i) for i in range(N))]), encoding=encoding)
    return path


@pytest.mark.parametrize(
    ("times", "form"),
    [
        ([f"2026-03-29T01:{i + 30:02d}:00+01:00" for i in range(30)]
         + [f"2026-03-29T03:{i:02d}:00+02:00" for i in range(30)], "summer time begins"),
        ([f"29-03-2026 20:{i:02d}:00" for i in range(60)], "day first, with hyphens"),
        ([f"03-29-2026 20:{i:02d}:00 -0500" for i in range(60)], "month first, and hours from UTC"),
    ],
)  # fmt: skip
def test_moments_are_read_in_whatever_zone(tmp_path: Path, times: list[str], form: str) -> None:
    path = _in_common_columns(
        tmp_path, "time_s,temperature_c,power_w", lambda i: f"{times[i]},{40 + i},{POWER_W[i]}"
    )
    (run,) = read_record(path).runs
    assert run.time_s == pytest.approx(60.0 * np.arange(N)), form


@pytest.mark.parametrize(("name", "per_mhz"), [("ghz", 1e-3), ("khz", 1e3), ("hz", 1e6)])
def test_a_clock_beside_a_load_counts_in_any_unit(
    tmp_path: Path, name: str, per_mhz: float
) -> None:
    path = _in_common_columns(
        tmp_path,
        f"time_s,temperature_c,load,frequency_{name}",
        lambda i: f"{i},{40 + i},{LOAD[i]},{CLOCK_MHZ[i] * per_mhz}",
    )
    (run,) = read_record(path).runs
    assert run.frequency_mhz == pytest.approx(CLOCK_MHZ)


def test_columns_that_are_not_used_are_named(tmp_path: Path) -> None:
    path = _in_common_columns(
        tmp_path, "time_s,temperature_c,load,clock,fan", lambda i: f"{i},{40 + i},{LOAD[i]},900,1"
    )
    assert any("not used: clock, fan" in note for note in read_record(path).notes)


def test_a_table_in_markdown_is_one(tmp_path: Path) -> None:
    head = "| time_s | temperature_c | power_w |\n|---|:---:|---|"
    path = _in_common_columns(tmp_path, head, lambda i: f"| {i} | {40 + i} | {POWER_W[i]} |")
    (run,) = read_record(path).runs
    assert run.power_w == pytest.approx(POWER_W)


def test_a_log_of_a_windows_shell_is_read(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_text("\n".join(_tegrastats(i) for i in range(N)), encoding="utf-16")
    (run,) = read_record(path).runs
    assert run.power_w is not None and np.ptp(run.power_w) == pytest.approx(np.ptp(POWER_W))


@pytest.mark.parametrize(
    ("head", "row", "message"),
    [
        ("power_w", lambda i: -POWER_W[i], "a median of .* W is no heat: a battery"),
        ("frequency_mhz", lambda i: CLOCK_MHZ[i] / 1000, "looks like gigahertz: give megahertz"),
    ],
)
def test_numbers_of_the_wrong_sign_or_size_are_refused(
    tmp_path: Path, head: str, row: Callable[[int], float], message: str
) -> None:
    path = _in_common_columns(
        tmp_path, f"time_s,temperature_c,{head}", lambda i: f"{i},{40 + i},{row(i)}"
    )
    with pytest.raises(InputError, match=message):
        read_record(path)


@pytest.mark.parametrize("beginning", [b"\x1f\x8b\x08", b"PK\x03\x04"])
def test_what_is_compressed_is_to_be_unpacked(tmp_path: Path, beginning: bytes) -> None:
    path = tmp_path / "trace.csv.gz"
    path.write_bytes(beginning + bytes(40))
    with pytest.raises(InputError, match="is compressed, or a spreadsheet: unpack it"):
        read_record(path)


def test_milli_degrees_of_a_log_are_degrees(tmp_path: Path) -> None:
    path = tmp_path / "monitor.txt"
    path.write_text(
        "\n".join(_armbianmonitor(i).replace("°C", "°C") for i in range(N)).replace(
            f"{TEMPERATURE_C[0]}°C", "-75000°C"
        )
    )
    with pytest.raises(InputError, match="-75 degC is no temperature of a chip"):
        read_record(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", r"must have the columns .* it has a, b: no reader fits.*import polars"),
        ("time,temp1,temp2,watts\n0,40,41,2\n1,40,41,3\n", r"temp1, temp2 may be the chip's"),
        ("date,temperature\n2020-01-01 00:00:00,40\n", r"no reader fits"),
        ("sbc-bench v0.9\nInstalling needed tools\n", r"without its monitoring: run sbc-bench -m"),
        ("time;percent\n0;1\n", r"no reader fits.*import polars"),
        ("time_s,temperature_c,temperature_c,power_w\n1,2,3,4\n", r"temperature_c more than once"),
        ("", r"is not a readable trace"),
        ('{"coretemp": {"Core 0": {"temp1_input": 40.0}}}', r"neither power nor load nor clock"),
    ],
)
def test_what_no_reader_fits_is_told_how_to_bring_it(
    tmp_path: Path, text: str, message: str
) -> None:
    path = tmp_path / "log.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=f"(?s){message}"):
        read_record(path)


def test_convert_writes_a_trace_and_says_what_it_took(cli: Cli, tmp_path: Path) -> None:
    log, trace = tmp_path / "tegra.log", tmp_path / "trace.csv"
    log.write_text("\n".join(_tegrastats_without_times(i) for i in range(N)))
    done = cli("convert", log, "--to", trace, "--period-s", "0.5")
    assert done.returncode == 0, done.stderr
    assert "temperature is bcpu" in done.stdout and "60 samples, 29.5 s" in done.stdout
    written = pl.read_csv(trace)
    assert written["temperature_c"].to_numpy() == pytest.approx(TEMPERATURE_C)
    assert cli("convert", log, "--to", trace).returncode == 2
