"""`python tools/release_weights.py --help`: see ovsam/commands/release_weights.py."""

import sys

from ovsam.cli import main

if __name__ == "__main__":
    sys.exit(main(["release_weights", *sys.argv[1:]]))
