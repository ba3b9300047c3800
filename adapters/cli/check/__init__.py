"""`check`: what is set and where it came from, then everything between here and an answer."""

from shelfport.adapters.cli.check.run import run_check

__all__ = ["run_check"]
