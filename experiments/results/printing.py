"""Prints a benchmark or a run as its user wants it: briefly, in full, for machines, or not."""

from tvfs_gym.experiments.options import Printing
from tvfs_gym.experiments.results.comparison import Comparison


def print_comparison(comparison: Comparison, printing: Printing) -> None:
    """Prints results on standard output.

    Args:
        comparison: The results.
        printing: Options of the command.
    """
    from tvfs_gym.experiments.results.brief import print_brief
    from tvfs_gym.experiments.results.full import print_full
    from tvfs_gym.experiments.results.machine import print_json

    if printing.json:
        print_json(comparison)
    elif not printing.quiet:
        if printing.full:
            print_full(comparison)
        print_brief(comparison)
