"""`python tools/demo.py --help`: see ovsam/commands/demo.py."""

import sys

from ovsam.cli import main

if __name__ == "__main__":
    sys.exit(main(["demo", *sys.argv[1:]]))
