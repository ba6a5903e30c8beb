"""The command line: a thin shell over the public functions, with no logic of its own."""

from mintage.cli.main import main

__all__ = ["main"]
