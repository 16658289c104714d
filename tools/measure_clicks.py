"""`python tools/measure_clicks.py --help`: see ovsam/commands/measure_clicks.py."""

import sys

from ovsam.cli import main

if __name__ == "__main__":
    sys.exit(main(["measure_clicks", *sys.argv[1:]]))
