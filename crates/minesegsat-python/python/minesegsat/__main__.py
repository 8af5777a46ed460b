"""The program `minesegsat`; also `python -m minesegsat`."""

import signal
import sys

from . import _minesegsat


def main() -> int:
    """Runs the program on the command line of this process."""
    # The program handles Ctrl-C itself. Python's handler would wait until the program returns.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return _minesegsat.run_program(["minesegsat", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
