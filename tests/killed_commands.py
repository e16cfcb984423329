"""The long commands that `tests.kills` kills: what each needs, does, and comes to.

Every command takes seconds, on inputs that are made once; its results are compared without what
differs from one whole run to the next: times, and the command line itself.
"""

import json
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import polars as pl
import tomlkit

from tests.envs.boards import fake_sysfs
from tvfs_gym.envs.inference.topology import ZOO, load_family
from tvfs_gym.envs.toml import tomllib

PICTURES = 50
NETWORKS = ZOO / "digits"
TIMES = ("control_s", "latency_s", "static_latency_s")
"""Columns of measured times."""

Results = Mapping[str, object]


@dataclass(frozen=True)
class Command:
    """A long command.

    Attributes:
        arguments: After ``tvfs-gym``; {inputs} is the folder of the inputs.
        results: What it has come to, from its folder.
        prepare: Puts what it needs into its folder before it first runs there.
        whole: Tells from its folder that nothing was left as the command found it, after it ended.
    """

    arguments: str
    results: Callable[[Path], Results]
    prepare: Callable[[Path], object] = lambda folder: None
    whole: Callable[[Path], bool] = lambda folder: True


def arrays(path: Path) -> Results:
    """Arrays of an .npz file, without what tells how they were made."""
    with np.load(path) as stored:
        return {n: stored[n].tobytes() for n in stored.files if n not in ("provenance", "seconds")}


def table(path: Path) -> object:
    """Rows of a Parquet file, without times."""
    frame = pl.read_parquet(path, glob=False)
    return frame.drop(name for name in TIMES if name in frame.columns).write_json()


def of(*patterns: str) -> Callable[[Path], Results]:
    """The content of all files that match, by name."""

    def results(folder: Path) -> Results:
        found: dict[str, object] = {}
        for pattern in patterns:
            files = sorted(folder.glob(pattern))
            assert files, f"there is no {pattern}"
            for file in files:
                found[str(file.relative_to(folder))] = content(file)
        return found

    return results


def content(file: Path) -> object:
    """What a file holds, comparable between runs."""
    if file.suffix == ".npz":
        return arrays(file)
    if file.suffix == ".parquet":
        return table(file)
    if file.name == "policy.json":
        card = json.loads(file.read_text())
        card.get("training", {}).pop("seconds", None)
        return card
    return sha256(file.read_bytes()).hexdigest()


def added(folder: Path) -> Results:
    """An added family and its outcomes, without what was timed."""
    family = tomllib.loads((folder / "mine.toml").read_text())
    measured = {"relative_latency", "change_share", "source"}
    rows = [{k: v for k, v in row.items() if k not in measured} for row in family.pop("topologies")]
    rows.sort(key=lambda row: row["name"])
    return {"family": family, "topologies": rows, "outcomes": arrays(folder / "mine.npz")}


def measured(folder: Path) -> Results:
    """What a characterisation of a real board measured, though not how long it took."""
    found = tomllib.loads((folder / "out" / "characterisation.toml").read_text())
    lines = [json.loads(line) for line in (folder / "out/measurements.jsonl").open()]
    return {
        "levels": [(row["frequency_hz"], row["measured"]) for row in found["levels"]],
        "topologies": [row["name"] for row in found["topologies"]],
        "points": sorted(json.dumps(line["point"], sort_keys=True) for line in lines),
        "files": sorted(path.name for path in (folder / "out").iterdir()),
    }


def build_board(folder: Path) -> object:
    """A sysfs tree in the folder."""
    return fake_sysfs.build(folder / "sys", governor="performance")


def is_restored(folder: Path) -> bool:
    """Tells whether the tree is as `build_board` made it."""
    found = fake_sysfs.settings(folder / "sys/devices/system/cpu/cpufreq/policy0")
    return found["scaling_governor"] == "performance"


def copy_folder(name: str) -> Callable[[Path], object]:
    """Copies a folder of the inputs, which stand beside those of the commands."""
    return lambda folder: shutil.copytree(folder.parent / "inputs" / name, folder / name)


LINUX = (
    "--board linux --root sys --board-option state_folder=state --board-option settle_s=0.0 "
    "--board-option nominal_latency_s=0.01 --threads 1 --output out"
)
CELLS = of("out/steps/*", "out/episodes/*")
POLICY = of("out/policy.npz", "out/policy.json", "out/evaluations/evaluations.npz")
LIVE = of("out/frames.parquet", "out/outcomes.npz", "out/failed.csv")

COMMANDS: dict[str, Command] = {
    "dev record": Command(
        f"dev record --family digits --models {NETWORKS} --images {{inputs}}/pictures "
        "--topology digits_0.25_32 --topology digits_0.5_48 --topology digits_0.5_64 "
        "--output out.npz",
        of("out.npz"),
    ),
    "models add": Command(
        "models add {inputs}/nets/digits_0.25_32.tflite {inputs}/nets/digits_0.25_48.tflite "
        "{inputs}/nets/digits_0.25_64.tflite --labels {inputs}/nets/labels.txt "
        "--images {inputs}/pictures --description few --output mine.toml",
        added,
    ),
    "models fetch": Command(
        "models fetch out --family {inputs}/served.toml", of("out/*.tflite", "out/models.lock.toml")
    ),
    "benchmark": Command(
        "benchmark --suite published --controller tvfs --controller performance --seeds 1 "
        "--frames 1000 --output out",
        of("out/steps/*", "out/episodes/*", "out/bounds/*"),
    ),
    "train --algo ztt": Command("train --algo ztt --steps 8000 --output out", POLICY),
    "train --algo q_table": Command("train --algo q_table --steps 20000 --output out", POLICY),
    "train --algo dagger": Command(
        "train --algo dagger --teacher told --knowledge generic --rounds 1 --latency-ms 75 "
        "--output out",
        POLICY,
    ),
    "sweep": Command("sweep {inputs}/sweep.yaml --output out", of("out/trials/*/policy.*")),
    "identify": Command("identify {inputs}/trace.csv --output mine.toml", of("mine.toml")),
    "characterise": Command(
        f"characterise {LINUX} --levels 2 --passes 3 --settling-s 0.4 --averaged-s 0.2",
        measured,
        build_board,
        is_restored,
    ),
    "characterise a twin": Command(
        "characterise --passes 200 --levels 6 --output out",
        of("out/measurements.jsonl", "out/*.csv"),
    ),
    "run": Command(
        "run --controller tvfs --controller performance --frames 3000 --seeds 2 --output out", CELLS
    ),
    "run on a board": Command(
        f"run {LINUX} --controller digits_0.5_48@648 --frames 150 --latency-ms 500",
        lambda folder: {"steps": pl.read_parquet(folder / "out/steps/*.parquet").height},
        build_board,
        is_restored,
    ),
    "adaptta live": Command(
        f"adaptta live --family digits --models {NETWORKS} --images {{inputs}}/pictures "
        "--topology digits_0.25_32 --topology digits_0.5_48 --output out",
        LIVE,
    ),
    "adaptta sweep": Command("adaptta sweep --output out", of("out/sweep.parquet")),
    "replay": Command(
        "replay log --controller tvfs --output out.parquet", of("out.parquet"), copy_folder("log")
    ),
    "report": Command("report log", of("log/report.html"), copy_folder("log")),
}
"""The commands by name."""


class SlowServer(ThreadingHTTPServer):
    """Serves the digits networks, a piece at a time, with ranges and validators."""

    daemon_threads = True
    piece, pause_s = 8192, 0.012

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        """Sends a file, or the rest of it."""
        whole = (NETWORKS / self.path.rpartition("/")[2]).read_bytes()
        asked = self.headers.get("Range", "bytes=0-")
        start = int(asked[6:-1])
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(whole) - 1}/{len(whole)}")
        self.send_header("Content-Length", str(len(whole) - start))
        self.send_header("ETag", '"one"')
        self.end_headers()
        with suppress(OSError):  # the client was killed
            for begin in range(start, len(whole), SlowServer.piece):
                self.wfile.write(whole[begin : begin + SlowServer.piece])
                time.sleep(SlowServer.pause_s)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Says nothing."""


def make_inputs(folder: Path, server: SlowServer) -> None:
    """Makes what the commands read: pictures, networks, a family that is served, a trace, a log."""
    from tests.fuzz_readers import command

    with ZipFile(NETWORKS / "pictures.zip") as pictures:
        rows = pictures.read("images.csv").decode().splitlines()[: PICTURES + 1]
        for row in rows[1:]:
            pictures.extract(row.partition(",")[0], folder / "pictures")
    (folder / "pictures" / "images.csv").write_text("\n".join(rows) + "\n")
    (folder / "nets").mkdir()
    for file in (*NETWORKS.glob("digits_0.25_*.tflite"), NETWORKS / "labels.txt"):
        shutil.copy(file, folder / "nets")
    family = load_family("digits").model_dump(mode="json", exclude_none=True)
    for name in ("models", "images", "outcomes", "labels", "variants"):
        family.pop(name, None)
    for number, row in enumerate(family["topologies"]):
        row["url"] = f"http://127.0.0.1:{server.server_address[1]}/{row['file']}"
        if number % 2 == 0:
            row.pop("sha256", None)
    family["outcomes"] = str(ZOO / "digits.npz")
    (folder / "served.toml").write_text(tomlkit.dumps(family))
    (folder / "sweep.yaml").write_text("algo: [ztt, q_table]\nsteps: 4000\n")
    rng, temperature, lines = np.random.default_rng(0), 40.0, ["time_s,temperature_c,power_w"]
    for second in range(1200):
        power_w = 6.0 if second // 150 % 2 else 1.0
        temperature += (25.0 + 6.0 * power_w - temperature) / 60.0
        lines.append(f"{second},{temperature + rng.normal(0, 0.1):.2f},{power_w}")
    (folder / "trace.csv").write_text("\n".join(lines) + "\n")
    command(
        "run", "--controller", "tvfs", "--controller", "performance", "--frames", "2000",
        "--output", folder / "log",
    )  # fmt: skip
