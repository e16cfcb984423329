"""Likely mistakes at the command line, each with the answer that it should get.

``python -m tests.mistakes`` prints how soon each is answered, in a process of its own.
"""

import os
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from tests import command_line

FILES = {
    "policy.txt": "",
    "none.py": "",
    "imports.py": "import nothere",
    "syntax.py": "def f(:",
    "bad.toml": "x =",
    "table.csv": "a,b\n1,2\n",
    "word.csv": "time_s,temperature_c,power_w\n0,40,1\n1,oops,1\n",
    "cold.csv": "time_s,power_w\n0,1\n1,1\n",
    "short.csv": "time_s,temperature_c,power_w\n0,40,1\n1,41,1\n2,42,1\n",
    "full/something": "",
}
"""Files that cannot be used, by their path."""


@dataclass(frozen=True)
class Mistake:
    """A command that cannot be meant.

    Attributes:
        arguments: What follows ``tvfs-gym``.
        answer: Part of what is printed.
        status: Exit status.
    """

    arguments: str
    answer: str
    status: int = 2


MISTAKES = (
    Mistake("benchmrk", "Did you mean 'benchmark'"),
    Mistake("benchmark --controler tvfs", "No such option: --controler"),
    Mistake("benchmark tvfs", "unexpected extra argument"),
    Mistake("benchmark --controller tvsf", "unknown controller 'tvsf': did you mean tvfs?"),
    Mistake("benchmark --controller TVFS", "unknown controller 'TVFS': did you mean tvfs"),
    Mistake("benchmark --controller tvfs,performance", "repeat the option"),
    Mistake("benchmark --controller policy.txt", "expected a Python file or the folder of a"),
    Mistake("benchmark --controller nothere.py", "there is no file or folder"),
    Mistake("benchmark --controller none.py", "none.py, found: none."),
    Mistake("benchmark --controller imports.py", "ModuleNotFoundError: No module named"),
    Mistake("benchmark --controller syntax.py", "SyntaxError: invalid syntax"),
    Mistake("benchmark --controller empty", "holds no policy"),
    Mistake("benchmark --suite v1", "unknown suite 'v1': did you mean v2?"),
    Mistake("benchmark --suite bad.toml", "bad.toml is not valid TOML"),
    Mistake("benchmark --board odroid-xu4", "unknown board 'odroid-xu4': did you mean odroid_xu4"),
    Mistake("benchmark --board raspberry_pi_6", "did you mean raspberry_pi_5"),
    Mistake("benchmark --seeds 0", "the number of seeds must be at least 1, not 0."),
    Mistake("benchmark --seeds -3", "the number of seeds must be at least 1, not -3."),
    Mistake("benchmark --frames -5", "frames: Input should be greater than 0"),
    Mistake("benchmark --frames 0.5", "Invalid value for '--frames'"),
    Mistake("benchmark --ambient-c 300", "ambient_c: Input should be less than or equal to 100"),
    Mistake("benchmark --ambient-c 90", "no controller can cool a board below its surroundings"),
    Mistake("benchmark --controller tvfs --output full", "full already holds results: name anoth"),
    Mistake("benchmark --controller tvfs --output /proc/x", "cannot make the folder /proc/x"),
    Mistake(
        "benchmark --latency-ms 40", "belongs to 'tvfs-gym train', 'tvfs-gym run'; here it is l"
    ),
    Mistake("benchmark --policy 5C", "here it is policy of a suite's scenario."),
    Mistake("benchmark --characterisation nothere", "cannot read nothere: No such file"),
    Mistake("benchmark --cooling bare", "unknown cooling of odroid_xu4 'bare': choose one of fan"),
    Mistake("benchmark --engine rya", "unknown engine 'rya': did you mean ray?"),
    Mistake("benchmark --family nope", "unknown topology family 'nope': choose one of digits"),
    Mistake("run", "Missing option '--controller'"),
    Mistake("run --controller tvfs --latency-ms 0.075", "the fastest one needs 1.75 ms."),
    Mistake("run --controller tvfs --latency-ms 75000", "L_c is at most 10 s, not 75 s"),
    Mistake("run --controller tvfs --latency-ms -4", "latency_constraint_s: Input should be great"),
    Mistake("run --controller tvfs --tau 80", "tau is a confidence, at most 1, and not 80"),
    Mistake("run --controller tvfs --policy 7C", "did you mean 5C or 1C?"),
    Mistake("run --controller tvfs --cooling fann", "unknown cooling of odroid_xu4 'fann'"),
    Mistake("run --controller tvfs --throttling nope", "unknown throttling preset of odroid_xu4"),
    Mistake("run --controller tvfs --board linux --root empty", "this machine cannot be controll"),
    Mistake("run --controller tvfs --board linux --root nothere", "there is no folder nothere"),
    Mistake("run --controller tvfs --seeds 0", "the number of episodes must be at least 1, not 0."),
    Mistake("run --controller tvfs --episodes 3", "--episodes (Possible options: --seeds)"),
    Mistake("run --controller tvfs --suite v2", "--suite, which belongs to 'tvfs-gym benchmark'"),
    Mistake("run --controller tvfs --controller empty", "empty holds no policy"),
    Mistake("run --controller tvsf", "unknown controller 'tvsf': did you mean tvfs?"),
    Mistake("train --algo ztt --latency-ms 0.05", "the fastest one needs 1.75 ms."),
    Mistake("train --episodes 3", "--episodes (Possible options: --steps)"),
    Mistake("train --algo scar", "unknown algorithm 'scar': did you mean sac?"),
    Mistake("train --algo ztt --steps -5", "the number of steps must be at least 1, not -5."),
    Mistake("train --algo ztt --steps 0", "the number of steps must be at least 1, not 0."),
    Mistake("train --algo ztt --envs 0", "the number of twins, --envs, must be at least 1, not 0."),
    Mistake("train --algo ztt --reward on_tiem", "unknown reward 'on_tiem': did you mean on_time_"),
    Mistake("report nothere", "nothere holds no results"),
    Mistake("report empty", "empty holds no results"),
    Mistake("report full", "full holds no results"),
    Mistake("replay empty", "empty holds no results"),
    Mistake("identify table.csv --output x.toml", "table.csv must have the columns time_s, temper"),
    Mistake("identify word.csv --output x.toml", "line 3, column temperature_c: expected a number"),
    Mistake("identify cold.csv --output x.toml", "it has time_s, power_w"),
    Mistake("identify short.csv --output x.toml", "give seconds, at least 30 of them."),
    Mistake("identify nothere.csv --output x.toml", "nothere.csv: No such file or directory."),
    Mistake("identify short.csv", "Missing option '--output'"),
    Mistake("identify short.csv --out x.toml", "No such option: --out (Possible options: --output"),
    Mistake("validate odroid_xu4 table.csv", "table.csv must have the columns time_s, temperature"),
    Mistake("validate odroid-xu4 table.csv", "unknown board 'odroid-xu4': did you mean odroid_xu4"),
    Mistake("adaptta recorded --tau 2", "tau is a confidence, at most 1, and not 2"),
    Mistake("adaptta live --models empty", "Missing option '--images'"),
    Mistake("adaptta live --models empty --images empty", "empty holds no network of the family"),
    Mistake("adaptta recorded --outcomes table.csv", "table.csv holds no recorded outcomes"),
    Mistake("adaptta sweep --target-accuracy 0.9", "accuracy is in %, more than 1 and at most 100"),
    Mistake("adaptta sweep --target-passes 20", "mean passes lie between 1 and 10, not at 20."),
    Mistake("adaptta sweep --outcomes table.csv", "table.csv holds no recorded outcomes"),
    Mistake("models list --family recorde", "did you mean recorded?"),
    Mistake("models check nothere --family digits", "there is no folder nothere."),
    Mistake("models add policy.txt --images empty --output x.toml", "is no TFLite network: name"),
    Mistake("models check empty", "FAILED: there is no network at empty/", status=1),
    Mistake("models fetch empty --family nope", "unknown topology family 'nope'"),
    Mistake("models add nothere.tflite --images empty --output x.toml", "no file nothere.tflite"),
    Mistake("characterise --board odroid-xu4", "unknown board 'odroid-xu4': did you mean odroid_"),
    Mistake("characterise --board linux --root nothere", "there is no folder nothere"),
    Mistake("doctor --root nothere", "there is no folder nothere"),
    Mistake("dev perf inference --models empty --images empty", "there is no network at empty/"),
    Mistake("policy check policy.txt", "expected the folder of a policy, not the file policy.txt"),
    Mistake("sweep bad.toml", "expected keys and values in bad.toml"),
    Mistake("sweep nothere.yaml", "cannot read nothere.yaml"),
    Mistake("rewards --reward on_time_accuracy", "expected two or more rewards of different names"),
    Mistake("rewards --reward on_tiem --reward lotus", "reward 'on_tiem': did you mean on_time_"),
    Mistake("dev film --output film.mp4", "a film is a GIF file: name film.gif, not film.mp4."),
    Mistake("characterise --settling-s 10", "the averaged 30 s must be a part of the 10 s"),
    Mistake("policy check empty", "empty holds no policy"),
    Mistake("list controler", "unknown kind of names 'controler': did you mean controllers"),
    Mistake("list scenarios --suite mian", "unknown suite 'mian': did you mean main?"),
)


def write_files(folder: Path) -> None:
    """Writes what the mistakes name, and an empty folder."""
    (folder / "empty").mkdir()
    for name, text in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)


def _times_s(arguments: str, folder: Path) -> tuple[float, float]:
    """Wall time and processor time of a command."""
    started_s, before = time.perf_counter(), os.times()
    command_line.start(folder, arguments.split()).communicate()
    after = os.times()
    processor_s = after.children_user + after.children_system
    processor_s -= before.children_user + before.children_system
    return time.perf_counter() - started_s, processor_s


def main() -> None:
    """Prints a line for every command: first those that are right, then the mistakes."""
    right = ("--help", "list controllers", "benchmark --help")
    walls, processors = [], []
    print("wall, s  processor, s  tvfs-gym ...")
    with TemporaryDirectory() as name:
        write_files(Path(name))
        for arguments in (*right, *(mistake.arguments for mistake in MISTAKES)):
            wall_s, processor_s = _times_s(arguments, Path(name))
            print(f"{wall_s:7.2f}  {processor_s:12.2f}  {arguments}", flush=True)
            walls.append(wall_s)
            processors.append(processor_s)
    for what, times in (("wall", walls), ("processor", processors)):
        print(f"{what} time: median {median(times):.2f} s, slowest {max(times):.2f} s")


if __name__ == "__main__":
    main()
