"""`python tools/make_tables.py --help`: see ovsam/commands/make_tables.py."""

import sys

from ovsam.cli import main

if __name__ == "__main__":
    sys.exit(main(["make_tables", *sys.argv[1:]]))
