"""The one place where an error becomes a sentence and an exit code."""

import logging
from collections.abc import Callable

from vaelab.errors import WRONG_PATH, VaelabError, about_disk, tracebacks_kept
from vaelab.system import printing, streams

log = logging.getLogger(__name__)


def exit_code_of(work: Callable[[], int], *, as_json: bool = False) -> int:
    """Does a process's work; returns its exit code: 0 done, 1 failed, 2 wrong input, 130 interrupted.

    Args:
        as_json: standard output is one JSON document (`streams.document`), that of an error {"error": sentence}.
    """
    with streams.despite_trouble(), printing.quietly(False), streams.one_document(as_json):
        try:
            with tracebacks_kept():
                return work()
        except VaelabError as error:
            return _told(error, error.exit_code)
        except KeyboardInterrupt:
            return _told("interrupted.", 130)
        except OSError as error:
            return _told(about_disk(error), 2 if error.errno in WRONG_PATH else 1)


def _told(error, exit_code: int) -> int:
    log.error(error)
    streams.document(error=str(error))
    return exit_code
