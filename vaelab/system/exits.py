"""The one place where an error becomes a sentence and an exit code."""

import logging
from collections.abc import Callable

from vaelab.errors import WRONG_PATH, VaelabError, about_disk, tracebacks_kept
from vaelab.system import printing, streams

log = logging.getLogger(__name__)


def exit_code_of(work: Callable[[], int]) -> int:
    """Does a process's work; returns its exit code: 0 done, 1 failed, 2 wrong input, 130 interrupted."""
    with streams.despite_trouble(), printing.quietly(False):
        try:
            with tracebacks_kept():
                return work()
        except VaelabError as error:
            log.error(error)
            return error.exit_code
        except KeyboardInterrupt:
            log.error("interrupted.")
            return 130
        except OSError as error:
            log.error(about_disk(error))
            return 2 if error.errno in WRONG_PATH else 1
