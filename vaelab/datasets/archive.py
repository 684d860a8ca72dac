"""Tar archives read member by member, never unpacked: nothing in them can reach the disk."""

import gzip
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from vaelab.datasets.download import damaged


def members(path, entry: dict, dataset: str) -> Iterator[tuple[str, bytes]]:
    """(name, content) of the regular files of a tar archive (gzipped or not), in its order.

    Raises:
        DataError: truncated or damaged; or it holds what no honest archive of images holds: absolute names, names
            with "..", links, devices.
    """
    try:
        with _opened(path) as raw, tarfile.open(fileobj=raw, mode="r|") as tar:
            for member in tar:
                name = PurePosixPath(member.name)
                if name.is_absolute() or ".." in name.parts or "\\" in member.name:
                    raise damaged(dataset, path, entry, f"it holds the unsafe name '{member.name}'")
                if member.issym() or member.islnk():
                    raise damaged(dataset, path, entry, f"it holds a link, '{member.name}' to '{member.linkname}'")
                if not (member.isfile() or member.isdir()):
                    raise damaged(dataset, path, entry, f"it holds '{member.name}', neither file nor folder")
                if member.isfile():
                    content = tar.extractfile(member).read()
                    if len(content) != member.size:
                        raise damaged(dataset, path, entry, f"it ends inside '{member.name}'")
                    yield str(name), content
            while raw.read(2**20):  # tarfile stops without a word in a cut header; gzip knows the end by its checksum
                pass
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise damaged(dataset, path, entry, f"it cannot be read as a tar archive to its end ({error})") from None
    except OSError as error:
        if error.errno is not None:
            raise
        raise damaged(dataset, path, entry, f"its compression is damaged ({error})") from None


def _opened(path: Path) -> BinaryIO:
    """The bytes of the tar archive; a gzipped one is unpacked on the way, a plain one must end as tar archives end."""
    with Path(path).open("rb") as file:
        if file.read(2) == b"\x1f\x8b":
            return gzip.open(path)
        file.seek(max(0, Path(path).stat().st_size - 1024))
        if file.read().strip(b"\0"):
            raise tarfile.ReadError("the two empty blocks at its end are missing")
    return Path(path).open("rb")
