"""The command line: the one place that joins compiler and simulator, prints, writes and exits."""

__version__ = "0.1.0"
