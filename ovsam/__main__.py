"""`python -m ovsam COMMAND ...`, the same as the console script."""

import sys

from ovsam.cli import main

if __name__ == "__main__":
    sys.exit(main())
