"""`python tools/measure_names.py --help`: see ovsam/commands/measure_names.py."""

import sys

from ovsam.cli import main

if __name__ == "__main__":
    sys.exit(main(["measure_names", *sys.argv[1:]]))
