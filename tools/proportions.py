"""`python tools/proportions.py --help`: see ovsam/commands/proportions.py."""

import sys

from ovsam.cli import main

if __name__ == "__main__":
    sys.exit(main(["proportions", *sys.argv[1:]]))
