"""Make or check data sets: `python tools/prepare_data.py shapes`."""

import sys

from ovsam.cli import main

if __name__ == "__main__":
    main(["prepare_data", *sys.argv[1:]])
