"""The command ``tvfs-gym`` until its packages are imported: Ctrl-C ends it without a traceback."""

import signal

if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # nothing is begun that must be put away


def main() -> None:
    """Runs the command line of the process."""
    from tvfs_gym.experiments import cli

    cli.main()


if __name__ == "__main__":
    main()
