"""`python tools/compare.py --help`: see ovsam/commands/compare.py."""

import sys

from ovsam.cli import main

if __name__ == "__main__":
    sys.exit(main(["compare", *sys.argv[1:]]))
