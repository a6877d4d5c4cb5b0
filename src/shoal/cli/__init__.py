"""The command line: one command a file."""

from __future__ import annotations

import errno
import io
import os
import sys

from shoal.errors import ShoalError

FAILED, INTERRUPTED = 1, 130


def main() -> None:
    """The entry point of the command ``shoal``."""
    for stream in (sys.stdout, sys.stderr):  # of an encoding that lacks a dash, or a letter of a study's name
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="replace")
    try:
        from shoal.cli.app import app

        app(prog_name="shoal")
    except ShoalError as error:
        print(f"shoal: error: {error}", file=sys.stderr)
        sys.exit(FAILED)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(FAILED)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        print(f"shoal: error: the disk is full: {error}", file=sys.stderr)
        sys.stderr.flush()
        os._exit(FAILED)  # what is left of the output cannot be written either
