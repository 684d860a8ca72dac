"""The errors a user can cause. Each is one or two sentences and is shown without a traceback."""

import errno
import os
import re

# A full disk, a file that may not become so large, a broken disk, a folder that must not be written.
DISK_TROUBLE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS, errno.EACCES, errno.EPERM}


# Control characters but line feed and tab, marks that turn the direction of writing, halves of a surrogate pair.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def visible(text: str) -> str:
    r"""Text of unknown origin as it may reach a terminal: an escape sequence becomes its letters, `\x1b[2J`."""
    return _UNSEEN.sub(lambda found: ascii(found.group())[1:-1], text)


class VaelabError(Exception):
    """Base of the errors shown as a sentence; `exit_code` is what the process ends with."""

    exit_code = 1

    def __str__(self):
        return visible(super().__str__())


class ConfigError(VaelabError):
    """What the user typed cannot be done: unknown name, wrong type, impossible combination."""

    exit_code = 2


class DataError(VaelabError):
    """Data are missing, damaged or not what the dataset expects."""

    exit_code = 2


class RunError(VaelabError):
    """A run folder is missing, damaged or not in the state a command needs."""

    exit_code = 2


class TrainingError(VaelabError):
    """Training could not go on (a loss that is not a number, memory, disk)."""

    exit_code = 1


class Interrupted(VaelabError):
    """The user stopped the run; what was finished is saved."""

    exit_code = 130


def about_disk(error: OSError) -> str | None:
    """A sentence on what the disk refused; None where the error is another one."""
    if error.errno not in DISK_TROUBLE:
        return None
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{os.strerror(error.errno)}. What was finished before is kept."


def about_memory(error: BaseException) -> str | None:
    """A sentence on an allocation that failed, in numpy or in a backend; None where the error is another one."""
    text = str(error)
    if isinstance(error, MemoryError) or type(error).__name__ in ("ResourceExhaustedError", "OutOfMemoryError"):
        return f"There is not enough memory ({text.splitlines()[0][:200] if text else type(error).__name__})."
    if "RESOURCE_EXHAUSTED" in text or "can't allocate memory" in text:  # jax, torch
        return f"There is not enough memory ({text.splitlines()[0][:200]})."
    return None
