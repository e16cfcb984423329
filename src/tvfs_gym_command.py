"""The command ``tvfs-gym`` until its packages are imported: Ctrl-C ends it without a traceback."""

# Of this the module signal makes enumerations, which takes long enough to be interrupted.
import _signal  # type: ignore[import-not-found]

if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
    _signal.signal(_signal.SIGINT, _signal.SIG_DFL)  # nothing is begun that must be put away


def main() -> None:
    """Runs the command line of the process."""
    from tvfs_gym.experiments import cli

    cli.main()


if __name__ == "__main__":
    main()
