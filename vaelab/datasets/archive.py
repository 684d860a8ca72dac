"""Files that unpack to more than they weigh, read within bounds: archives, compressed arrays, headers that promise.

Whatever a file says of its size is compared with what it can hold and with what the caller takes before any memory is
taken for it; what it really holds is then read in pieces. Nothing is unpacked to the disk and no Python object is made.
"""

import gzip
import io
import math
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import numpy as np

from vaelab.datasets.download import damaged

MOST_DEFLATE_SAVES = 1100  # it cannot shrink more than 1,032 times: a larger claim is a broken header
BETWEEN_MEMBERS = 1 << 20  # bytes of headers and padding between two files of a tar archive; a name takes hundreds
MOST_NPY_HEADER = 1 << 16
PIECE = 1 << 20

# What the readers of damaged or hostile archives raise.
READ_ERRORS = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, OSError, ValueError, KeyError, RuntimeError,
    OverflowError, MemoryError,
)  # fmt: skip


class Unreadable(Exception):
    """What is wrong with a file, in words that go on a sentence about it."""


def in_words(n_bytes: int) -> str:
    """A size with the unit that suits it: "31 MB", "6.0 GB"."""
    return f"{n_bytes / 1e9:,.1f} GB" if n_bytes >= 1e9 else f"{n_bytes / 1e6:,.3g} MB"


def usable_memory() -> int:
    """Bytes of this machine's memory that are free."""
    import psutil

    return psutil.virtual_memory().available


def fill(stream: io.BufferedIOBase, shape, dtype, fortran: bool = False, digest=None) -> np.ndarray:
    """An array of what follows in a stream, which must end with it; nothing larger is read than the array holds.

    Args:
        digest: of hashlib, told of every piece.
    Raises:
        Unreadable: the stream ends early or goes on.
    """
    array = np.empty(shape, dtype, order="F" if fortran else "C")
    flat, done = array.reshape(-1, order="A").view(np.uint8).data, 0
    while done < len(flat):
        got = stream.readinto(flat[done : done + PIECE])
        if not got:
            raise Unreadable(f"its header promises {len(flat)} bytes, it holds {done}")
        if digest:
            digest.update(flat[done : done + got])
        done += got
    if stream.read(1):
        raise Unreadable(f"it holds more than the {len(flat)} bytes its header promises")
    return array


# -- arrays of numpy --------------------------------------------------------------------------------------------------


def npy_header(stream: io.BufferedIOBase) -> tuple[tuple[int, ...], np.dtype, bool]:
    """(shape, dtype, Fortran order) of an .npy stream, which stands at its first number then.

    Raises:
        Unreadable: no such header, Python objects, records or elements without a size.
    """
    start = _exactly(stream, 8)
    if start[:6] != b"\x93NUMPY" or start[6] not in (1, 2, 3):
        raise Unreadable("it is no .npy array")
    size = _exactly(stream, 2 if start[6] == 1 else 4)
    length = int.from_bytes(size, "little")
    if length > MOST_NPY_HEADER:
        raise Unreadable(f"its header takes {length} bytes, expected at most {MOST_NPY_HEADER}")
    header = io.BytesIO(size + _exactly(stream, length))
    read = np.lib.format.read_array_header_1_0 if start[6] == 1 else np.lib.format.read_array_header_2_0
    try:
        shape, fortran, dtype = read(header)
    except Exception as error:  # the header is a literal of Python
        raise Unreadable(f"its header is damaged ({type(error).__name__})") from None
    if dtype.hasobject:
        raise Unreadable("it holds Python objects, which could run code when read; only plain numbers are read")
    if dtype.kind not in "biufcSU" or not dtype.itemsize:
        raise Unreadable(f"it is of {str(dtype)[:60]}, expected numbers")
    if any(n < 0 for n in shape):
        raise Unreadable(f"its header says the shape {shape}")
    return tuple(map(int, shape)), dtype, bool(fortran)


def _exactly(stream: io.BufferedIOBase, n: int) -> bytes:
    content = stream.read(n)
    if len(content) < n:
        raise Unreadable("it ends inside its header")
    return content


def read_npy(stream: io.BufferedIOBase, content: int, most: int, why: str = "are expected at most") -> np.ndarray:
    """The array of an .npy stream.

    Args:
        content: bytes the stream can hold at most.
        most: bytes the array may take.
        why: what ends the sentence on an array that takes more.
    Raises:
        Unreadable: more is promised than either, or another thing is there.
    """
    shape, dtype, fortran = npy_header(stream)
    promised = math.prod(shape) * dtype.itemsize
    if promised > content:
        what = f"its header promises {in_words(promised)} ({dtype} of shape {shape}), it holds at most"
        raise Unreadable(f"{what} {in_words(content)}")
    if promised > most:
        raise Unreadable(f"it takes {in_words(promised)} ({dtype} of shape {shape}); {in_words(most)} {why}")
    return fill(stream, shape, dtype, fortran)


def map_npy(path: Path) -> np.ndarray:
    """The array of an .npy file as a read-only memory map.

    Raises:
        Unreadable: the file is shorter than its header promises, or no such file.
    """
    with Path(path).open("rb") as file:
        shape, dtype, fortran = npy_header(file)
        start = file.tell()
    promised, content = math.prod(shape) * dtype.itemsize, Path(path).stat().st_size - start
    if promised > content:
        raise Unreadable(f"its header promises {promised} bytes ({dtype} of shape {shape}), it holds {content}")
    if not promised:
        return np.empty(shape, dtype)
    return np.memmap(path, dtype, "r", offset=start, shape=shape, order="F" if fortran else "C")


# -- zip --------------------------------------------------------------------------------------------------------------


@contextmanager
def zip_member(archive: zipfile.ZipFile, name: str) -> Iterator[tuple[io.BufferedIOBase, int]]:
    """(stream, bytes it can hold at most) of one file in a zip archive.

    Raises:
        Unreadable: encrypted, of an unusual compression, or its directory promises what its bytes cannot hold.
    """
    info = archive.getinfo(name)
    if info.flag_bits & 1:
        raise Unreadable("it is encrypted")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise Unreadable(f"its compression (number {info.compress_type}) is none that numpy writes")
    stored = info.compress_type == zipfile.ZIP_STORED
    if info.file_size > info.compress_size * (1 if stored else MOST_DEFLATE_SAVES) + 64:
        what = f"{info.compress_size} compressed bytes cannot become the {info.file_size} it promises"
        raise Unreadable(f"its archive is damaged: {what}")
    with archive.open(info) as stream:
        yield stream, info.file_size  # pyright: ignore[reportReturnType]  a ZipExtFile, annotated as any stream


# -- tar --------------------------------------------------------------------------------------------------------------


def members(
    path, entry: dict, dataset: str, *, most: int, most_in_all: int, most_files: int
) -> Iterator[tuple[str, bytes]]:
    """(name, content) of the regular files of a tar archive (gzipped or not), in its order.

    Args:
        most: bytes of one file.
        most_in_all: bytes of everything in it, headers included.
        most_files: files and folders in it.
    Raises:
        DataError: truncated or damaged; larger; or it holds what no honest archive of images holds: absolute names,
            names with "..", links, devices.
    """
    try:
        with (
            _opened(path) as file,
            # of a stream nothing but `read` is asked
            tarfile.open(fileobj=(raw := _Metered(file, most_in_all)), mode="r|") as tar,  # pyright: ignore
        ):
            for n, member in enumerate(tar):
                if n == most_files:
                    raise Unreadable(f"it holds more than {most_files} files")
                raw.allow(member.size)
                name = PurePosixPath(member.name)
                if name.is_absolute() or ".." in name.parts or "\\" in member.name:
                    raise Unreadable(f"it holds the unsafe name '{member.name}'")
                if member.issym() or member.islnk():
                    raise Unreadable(f"it holds a link, '{member.name}' to '{member.linkname}'")
                if not (member.isfile() or member.isdir()) or member.issparse():
                    raise Unreadable(f"it holds '{member.name}', neither file nor folder")
                if member.size > most:
                    what = f"'{member.name}' has {in_words(member.size)}, expected at most {in_words(most)}"
                    raise Unreadable(f"it would unpack to too much: {what}")
                if member.isfile():
                    content = tar.extractfile(member).read()
                    if len(content) != member.size:
                        raise Unreadable(f"it ends inside '{member.name}'")
                    yield str(name), content
            while raw.read(PIECE):  # tarfile stops without a word in a cut header; gzip knows the end by its checksum
                pass
    except Unreadable as error:
        raise damaged(dataset, path, entry, str(error)) from None
    except (tarfile.TarError, EOFError, zlib.error, ValueError, OverflowError) as error:
        raise damaged(dataset, path, entry, f"it cannot be read as a tar archive to its end ({error})") from None
    except OSError as error:
        if error.errno is not None:
            raise
        raise damaged(dataset, path, entry, f"its compression is damaged ({error})") from None


class _Metered:
    """Reads on as far as the files known so far reach, and in all not further than `most`."""

    def __init__(self, raw: io.BufferedIOBase, most: int):
        self._raw, self._left, self._most = raw, BETWEEN_MEMBERS, most

    def allow(self, n_bytes: int) -> None:
        self._left = n_bytes + BETWEEN_MEMBERS

    def read(self, n: int) -> bytes:
        content = self._raw.read(n)
        self._left -= len(content)
        self._most -= len(content)
        if self._left < 0:
            raise Unreadable(f"it holds more than {in_words(BETWEEN_MEMBERS)} that belong to no file")
        if self._most < 0:
            raise Unreadable("it would unpack to too much")
        return content


def _opened(path: Path) -> io.BufferedIOBase:
    """The bytes of the tar archive; a gzipped one is unpacked on the way, a plain one must end as tar archives end."""
    with Path(path).open("rb") as file:
        if file.read(2) == b"\x1f\x8b":
            return gzip.open(path)
        file.seek(max(0, Path(path).stat().st_size - 1024))
        if file.read().strip(b"\0"):
            raise tarfile.ReadError("the two empty blocks at its end are missing")
    return Path(path).open("rb")
