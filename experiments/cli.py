"""The command ``tvfs-gym``: assembles the commands of the experiments, and prints errors.

A user's mistake is printed as one sentence, with exit status 2 and no traceback; a failure of the
board or the machine likewise, with exit status 3, and trials that failed for good, with exit status
1. SIGTERM ends a command as Ctrl-C does: what is underway is put away first. Packages that take
long to import are imported by the commands.
"""

import _thread
import codecs
import signal
import sys
from importlib.metadata import version
from threading import Timer
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from tvfs_gym.envs.errors import BoardError, InputError
from tvfs_gym.experiments.adaptta import cli as adaptta
from tvfs_gym.experiments.benchmarks import cli as benchmark
from tvfs_gym.experiments.board import cli as board
from tvfs_gym.experiments.digits import cli as digits
from tvfs_gym.experiments.engine import TrialError
from tvfs_gym.experiments.learning import cli as learning
from tvfs_gym.experiments.learning import policy, train
from tvfs_gym.experiments.lists import app as lists
from tvfs_gym.experiments.models import cli as models
from tvfs_gym.experiments.options import point_to_meant
from tvfs_gym.experiments.perf import cli as perf
from tvfs_gym.experiments.progress import logging_to_stderr
from tvfs_gym.experiments.rewards import cli as rewards
from tvfs_gym.experiments.tuning import cli as tuning
from tvfs_gym.experiments.twin import cli as twin
from tvfs_gym.experiments.twin.claims import cli as claims

LONGEST_MESSAGE = 1000

SENT_AGAIN_S = 0.02
"""Time after which a signal is sent again that came where nobody could raise it, s."""

PLAIN = {"±": "+-", "°": "deg ", "–": "-", "…": "...", "×": "x", "−": "-", "≥": ">=", "≤": "<="}
"""Signs of the tables, where a terminal has ASCII alone."""

publish = typer.Typer(
    help="Put results into the README and the documents of a checkout.", no_args_is_help=True
)
publish.add_typer(benchmark.publish_app)
publish.add_typer(claims.publish_app)
publish.add_typer(digits.publish_app)
publish.add_typer(learning.publish_app)
publish.add_typer(rewards.publish_app)
publish.add_typer(tuning.publish_app)
publish.add_typer(adaptta.publish_app, name="adaptta", help="AdapTTA's tables.")

dev = typer.Typer(
    help="Commands for maintainers: record, publish, measure speed.", no_args_is_help=True
)
dev.add_typer(benchmark.dev_app)
dev.add_typer(models.dev_app)
dev.add_typer(board.dev_app)
dev.add_typer(twin.dev_app)
dev.add_typer(learning.dev_app)
dev.add_typer(tuning.dev_app)
dev.add_typer(publish, name="publish")
dev.add_typer(perf.app, name="perf")


USAGE_ERROR: type[Exception] = typer.BadParameter.__mro__[1]
"""Base of what typer raises of a mistaken call; click brings it, of which typer has a copy."""


class StoppedError(Exception):
    """The user stopped a command that has not told so itself."""


class _Commands(TyperGroup):
    """The commands; typer would end them silently upon Ctrl-C, and tell little of an option."""

    def invoke(self, ctx: Any) -> Any:
        """Invokes a command.

        Raises:
            StoppedError: In place of KeyboardInterrupt.
        """
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise StoppedError from None
        except USAGE_ERROR as error:
            if hasattr(error, "option_name"):
                point_to_meant(error)
            raise


app = typer.Typer(
    cls=_Commands,
    help="Train, benchmark and run controllers of embedded boards under ConvNet inference.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(benchmark.app)
app.add_typer(train.app)
app.add_typer(policy.app, name="policy")
app.add_typer(learning.app)
app.add_typer(tuning.app)
app.add_typer(rewards.app)
app.add_typer(board.app)
app.add_typer(twin.app)
app.add_typer(adaptta.app, name="adaptta")
app.add_typer(models.app, name="models")
app.add_typer(lists)
app.add_typer(dev, name="dev")


def _print_version(requested: bool) -> None:
    if requested:
        typer.echo(version("tvfs-gym"))
        raise typer.Exit


@app.callback()
def _options(
    show_version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Takes the options that stand before a command."""


def main() -> None:
    """Runs the command line of the process."""
    _print_anywhere()
    stops = _Stops()
    try:
        with logging_to_stderr():
            app()
    except InputError as error:
        raise SystemExit(_failed(str(error), 2)) from None
    except BoardError as error:
        raise SystemExit(_failed(str(error), 3)) from None
    except TrialError as error:
        raise SystemExit(_failed(str(error), 1)) from None
    except (StoppedError, KeyboardInterrupt):
        raise SystemExit(_failed("stopped.", 130)) from None
    except MemoryError:
        raise SystemExit(_failed("this needs more memory than there is.", 3)) from None
    except OSError as error:
        if error.strerror is None:
            raise
        where = "" if error.filename is None else f"{error.filename}: "
        kept = "what was finished before is kept."
        raise SystemExit(_failed(f"{where}{error.strerror}; {kept}", 3)) from None
    except Exception:
        if not stops.received:  # of which compiled modules that were being loaded make other errors
            raise
        raise SystemExit(_failed("stopped.", 128 + stops.received[0])) from None
    finally:
        stops.end()


class _Stops:
    """SIGINT and SIGTERM while a command runs.

    One that comes in a function which C calls, as in numba's compiler, would be printed there and
    forgotten: it is sent again a little later, until it comes where it ends the command. Objects
    that were half made then are thrown away without a word, until the process ends.

    Attributes:
        received: Those that have come.
    """

    def __init__(self) -> None:
        self.received: list[int] = []
        self._before = {signal.SIGTERM: signal.signal(signal.SIGTERM, self._terminate)}
        if signal.getsignal(signal.SIGINT) in (signal.SIG_DFL, signal.default_int_handler):
            self._before[signal.SIGINT] = signal.signal(signal.SIGINT, self._interrupt)
        self._unraisable_before, sys.unraisablehook = sys.unraisablehook, self._send_again
        self._again: Timer | None = None

    def end(self) -> None:
        """Leaves the signals to those who had them before."""
        if not self.received:
            sys.unraisablehook = self._unraisable_before
        if self._again:
            self._again.cancel()
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _terminate(self, number: int, frame: object) -> NoReturn:
        self.received.append(number)
        raise SystemExit(128 + number)

    def _interrupt(self, number: int, frame: object) -> NoReturn:
        self.received.append(number)
        raise KeyboardInterrupt

    def _send_again(self, lost: "sys.UnraisableHookArgs") -> None:
        if not self.received:
            self._unraisable_before(lost)
        elif isinstance(lost.exc_value, KeyboardInterrupt | SystemExit):
            self._again = Timer(SENT_AGAIN_S, _thread.interrupt_main, [self.received[-1]])
            self._again.start()


def _failed(message: str, status: int) -> int:
    if len(message) > LONGEST_MESSAGE:  # it quotes a file
        message = f"{message[:LONGEST_MESSAGE]} ..."
    typer.echo(f"tvfs-gym: {_visible(message)}", err=True)
    return status


def _print_anywhere() -> None:
    """Lets standard output and error print every text, in ASCII where they have no more."""
    codecs.register_error("plain", _plain)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="plain")


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    signs = error.object[error.start : error.end]
    return "".join(PLAIN.get(sign) or ascii(sign)[1:-1] for sign in signs), error.end


def _visible(text: str) -> str:
    """A text with its control characters written out, but for the ends of lines."""
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in text)


if __name__ == "__main__":
    main()
