"""`python tools/cache_teacher.py --help`: see ovsam/commands/cache_teacher.py."""

import sys

from ovsam.cli import main

if __name__ == "__main__":
    sys.exit(main(["cache_teacher", *sys.argv[1:]]))
