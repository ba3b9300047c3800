"""`python -m shelfport`: the command, for where its script is not in the PATH."""

import sys

from shelfport.adapters.cli import main

__all__: list[str] = []

if __name__ == "__main__":
    sys.exit(main())
