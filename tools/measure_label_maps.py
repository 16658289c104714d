"""`python tools/measure_label_maps.py --help`: see ovsam/commands/measure_label_maps.py."""

import sys

from ovsam.cli import main

if __name__ == "__main__":
    sys.exit(main(["measure_label_maps", *sys.argv[1:]]))
