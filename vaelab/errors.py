"""The errors a user can cause. Each is one or two sentences and is shown without a traceback."""

import errno
import os
import re
import sys
import traceback
from contextlib import contextmanager
from pathlib import Path

# A full disk, a file that may not become so large, a broken disk, a folder that must not be written.
DISK_TROUBLE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS, errno.EACCES, errno.EPERM}
# A path that can be none, a file where a folder is needed.
WRONG_PATH = {errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.EEXIST, errno.EINVAL}

# Control characters but line feed and tab, marks that turn the direction of writing, halves of a surrogate pair.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def visible(text: str) -> str:
    r"""Text of unknown origin as it may reach a terminal: an escape sequence becomes its letters, `\x1b[2J`."""
    return _UNSEEN.sub(lambda found: ascii(found.group())[1:-1], text)


def name_of(text: str) -> str:
    """A name from a file or folder, `visible` in one line."""
    return visible(text).replace("\n", "\\n").replace("\t", "\\t")


class VaelabError(Exception):
    """Base of the errors shown as a sentence; `exit_code` is what the process ends with."""

    exit_code = 1

    def __str__(self):
        return visible(super().__str__())

    def _render_traceback_(self):
        """What a notebook shows: the sentence alone."""
        return [f"{type(self).__name__}: {self}"]


class ConfigError(VaelabError):
    """What the user typed cannot be done: unknown name, wrong type, impossible combination."""

    exit_code = 2


class NotApplicable(ConfigError):
    """A metric or picture does not apply to this run: it is of another kind."""


class DataError(VaelabError):
    """Data are missing, damaged or not what the dataset expects."""

    exit_code = 2


class RunError(VaelabError):
    """A run folder is missing, damaged or not in the state a command needs."""

    exit_code = 2


class TrainingError(VaelabError):
    """Training could not go on (a loss that is not a number, memory, disk)."""


class Interrupted(VaelabError):
    """The user stopped the run; what was finished is saved."""

    exit_code = 130


class Defect(VaelabError):
    """An error nobody foresaw, so vaelab's own or that of a user's part; its traceback is kept in a file."""


def first_line(error: BaseException) -> str:
    """The first line of what an error says, 200 characters of it at most; its kind where it says nothing."""
    return visible(next((s for line in str(error).splitlines() if (s := line.strip())), type(error).__name__)[:200])


@contextmanager
def tracebacks_kept(log: Path | None = None):
    """Makes a `Defect` of an error that is none of those a user can cause.

    Args:
        log: the file its traceback is appended to; None for a new one in the folder for temporary files.
    """
    try:
        yield
    except (VaelabError, BrokenPipeError):
        raise
    except Exception as error:
        if isinstance(error, OSError) and about_disk(error) is not None:
            raise
        if (sentence := about_memory(error)) is not None:
            raise TrainingError(sentence) from error
        raise Defect(_about_defect(error, _keep_traceback(log))) from error


def _keep_traceback(log: Path | None) -> str | None:
    """Appends the traceback of the error being handled; returns the file, None where no file can be written."""
    import tempfile

    try:
        number, name = (None, log) if log else tempfile.mkstemp(prefix="vaelab-", suffix=".log")
        with open(name if number is None else number, "a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"vaelab {' '.join(sys.argv[1:])}\n{traceback.format_exc()}")
    except OSError:
        return None
    return str(name)


def _about_defect(error: Exception, log: str | None) -> str:
    """What happened, where in the code, where the traceback is."""
    own = Path(__file__).parent
    frames = traceback.extract_tb(error.__traceback__)
    last = next((f for f in reversed(frames) if own in Path(f.filename).parents), frames[-1] if frames else None)
    where = f" in {os.path.relpath(last.filename, own.parent)}, line {last.lineno}" if last else ""
    text = " ".join(str(error).split())
    told = f"{type(error).__name__}{where}: {text[:300]}{'...' if len(text) > 300 else ''}."
    kept = f"Its traceback is in {log}" if log else "Its traceback could not be written"
    return f"{told} That should not happen, whatever was typed. {kept}; please report it with that."


def about_disk(error: OSError) -> str | None:
    """A sentence on what the disk refused; None where the error is another one."""
    if error.errno not in DISK_TROUBLE | WRONG_PATH:
        return None
    where = f"{error.filename}: " if error.filename else ""
    if error.errno in WRONG_PATH:
        return f"{where[:200]}{os.strerror(error.errno)}. Choose another path."
    return f"{where}{os.strerror(error.errno)}. What was finished before is kept."


def about_memory(error: BaseException) -> str | None:
    """A sentence on an allocation that failed, in numpy or in a backend; None where the error is another one."""
    text = str(error)
    kind = type(error).__name__
    known = isinstance(error, MemoryError) or kind in ("ResourceExhaustedError", "OutOfMemoryError")
    if known or "RESOURCE_EXHAUSTED" in text or "can't allocate memory" in text:  # the texts: jax's, torch's
        return f"There is not enough memory ({text.splitlines()[0][:200] if text else kind})."
    return None
