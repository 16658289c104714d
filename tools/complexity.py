"""`python tools/complexity.py --help`: see ovsam/commands/complexity.py."""

import sys

from ovsam.cli import main

if __name__ == "__main__":
    sys.exit(main(["complexity", *sys.argv[1:]]))
