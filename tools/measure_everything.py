"""`python tools/measure_everything.py --help`: see ovsam/commands/measure_everything.py."""

import sys

from ovsam.cli import main

if __name__ == "__main__":
    sys.exit(main(["measure_everything", *sys.argv[1:]]))
