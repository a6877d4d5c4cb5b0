"""The command line: one command a file."""

from __future__ import annotations

import sys

from shoal.errors import ShoalError

FAILED, INTERRUPTED = 1, 130


def main() -> None:
    """The entry point of the command ``shoal``."""
    from shoal.cli.app import app

    try:
        app(prog_name="shoal")
    except ShoalError as error:
        print(f"shoal: error: {error}", file=sys.stderr)
        sys.exit(FAILED)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(FAILED)
