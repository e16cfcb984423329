"""The command line, one file per experiment, and what they share: results, statistics, figures."""
