"""`python tools/export.py --help`: see ovsam/commands/export.py."""

import sys

from ovsam.cli import main

if __name__ == "__main__":
    sys.exit(main(["export", *sys.argv[1:]]))
