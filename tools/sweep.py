"""`python tools/sweep.py --help`: see ovsam/commands/sweep.py."""

import sys

from ovsam.cli import main

if __name__ == "__main__":
    sys.exit(main(["sweep", *sys.argv[1:]]))
