"""Where a dataset's files are, and how they get there: found, or downloaded so that nothing half-written is ever used.

Files are looked for in `data_dir` (its sub-folders named by the yaml, then itself) and in the user cache. A download
goes into `data_dir` where that may be written, else into the user cache; it is resumed where the server allows,
checked, and only then given its name. A lock lets several processes want the same file at once.
"""

import hashlib
import logging
import os
import time
import zlib
from contextlib import contextmanager
from pathlib import Path, PurePath

from vaelab.errors import ConfigError, DataError, visible
from vaelab.system.printing import NOTE

log = logging.getLogger(__name__)

TRIES = 4
TIMEOUT = (10, 60)  # seconds to connect, seconds between two pieces
PIECE = 1 << 18


def cache_dir() -> Path:
    """The user cache: VAELAB_CACHE, else the system's place for caches."""
    if os.environ.get("VAELAB_CACHE"):
        return Path(os.environ["VAELAB_CACHE"]).expanduser()
    import pooch

    return Path(pooch.os_cache("vaelab"))


def places(folders: list[str], data_dir: str | None) -> list[Path]:
    """Folders a dataset's files may lie in, best first."""
    if not folders or not all(isinstance(f, str) and _below(f) for f in folders):
        raise ConfigError(f"dataset.folders: expected names of folders below the data folder, got {folders}.")
    data_dir = data_dir or os.environ.get("VAELAB_DATA")
    found = []
    if data_dir:
        base = Path(data_dir).expanduser()
        if base.exists() and not base.is_dir():
            raise DataError(f"data_dir: expected a folder, {base} is a file.")
        found = [base / f for f in folders] + [base]
    return [*found, *(cache_dir() / f for f in folders)]


def _below(name: str) -> bool:
    """Whether a name stays in the folder it is looked for in."""
    path = PurePath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts and "\0" not in name


def _check_entry(entry) -> None:
    """ConfigError for a file that could lie, or be written, elsewhere than among the data."""
    texts = ("name", "url", "mirror", "member", "sha256", "md5")
    if not isinstance(entry, dict) or not all(isinstance(entry.get(k), str | None) for k in texts):
        raise ConfigError(f"dataset.files: expected entries of name, url and sha256, got {entry!r}.")
    name = entry.get("name") or ""
    if not _below(name) or len(PurePath(name).parts) != 1:
        raise ConfigError(f"dataset.files: expected the name of a file in the data folder, got {name!r}.")


def find(name: str, looked: list[Path]) -> Path | None:
    """The file of that name, or of the name without .gz, in the first place that has it."""
    for folder in looked:
        for candidate in (folder / name, folder / name.removesuffix(".gz")):
            if candidate.is_file():
                return candidate
    return None


def obtain(dataset: str, files: list[dict], folders: list[str], data_dir: str | None) -> dict[str, Path]:
    """{name: path} of all files of a dataset; what is missing is downloaded.

    Args:
        dataset: option name, for messages.
        files: each {name, url, sha256}: of the uncompressed content (of a tar.gz: of the file) or null; optionally
            `mirror` (a second address), `member` (url is a zip, this is the file in it) and `md5` (of the file).
        folders: names of the sub-folder of `data_dir` the files may lie in; the first is made for downloads.
        data_dir: folder of the user, or None for VAELAB_DATA or the user cache.
    Raises:
        DataError: one, with all missing files, where they were looked for, their URLs and what to do.
    """
    for entry in files:
        _check_entry(entry)
    looked = places(folders, data_dir)
    found = {f["name"]: find(f["name"], looked) for f in files}
    missing = [f for f in files if found[f["name"]] is None]
    for n, entry in enumerate(missing):
        try:
            zipped = find((entry["url"] or "").rpartition("/")[2], looked) if entry.get("member") else None
            found[entry["name"]] = download(dataset, entry, writable_folder(folders, data_dir), zipped=zipped)
        except OSError as error:  # no network, no space, no permission
            raise _absent(dataset, missing[n:], looked, folders[0], error) from None
    return {name: path for name, path in found.items() if path is not None}


def writable_folder(folders: list[str], data_dir: str | None) -> Path:
    """The folder downloads go to: in `data_dir` if it may be written, else in the user cache; made if need be."""
    data_dir = data_dir or os.environ.get("VAELAB_DATA")
    bases = [Path(data_dir).expanduser()] if data_dir else []
    if bases and not bases[0].is_dir():
        raise OSError(f"there is no folder {bases[0]}: make it, or correct data_dir")
    problems = []
    for base in [*bases, cache_dir()]:
        folder = base / folders[0]
        try:
            if not folder.resolve().is_relative_to(base.resolve()):
                raise OSError(f"{folder} is a link that leads out of {base}: nothing is written through it")
            folder.mkdir(parents=True, exist_ok=True)
            probe = folder / f".writable-{os.getpid()}"
            probe.touch()
            probe.unlink()
            return folder
        except OSError as error:
            problems.append(error)
    raise problems[-1]


def _absent(dataset: str, missing: list[dict], looked: list[Path], folder: str, error: OSError) -> DataError:
    urls = "\n".join(f"  {f['name']}  {f.get('url') or '(no public address)'}  {_known(f)}" for f in missing)
    where = ", ".join(map(str, looked))
    return DataError(
        f"dataset={dataset} needs files that are in none of {where}, and they could not be downloaded ({error}). "
        f"Get them from these addresses and say where they are with data_dir=FOLDER or the environment variable "
        f"VAELAB_DATA (in FOLDER or FOLDER/{folder}):\n{urls}"
    )


def _known(entry: dict) -> str:
    """The checksum an official file has, in words."""
    return next((f"{k} {entry[k]}" for k in ("sha256", "md5") if entry.get(k)), "no known checksum")


def damaged(dataset: str, path: Path, entry: dict, what: str) -> DataError:
    """The error for a file that is there and cannot be right: names file, expected checksum, URL and what to do."""
    return DataError(
        f"dataset={dataset}: {path} is not the expected file: {visible(what)} (expected {_known(entry)}). "
        f"Delete it and run 'vaelab data fetch dataset={dataset}', or put the file from "
        f"{entry.get('url') or 'its source'} into a folder given with data_dir=."
    )


def sha256(path: Path) -> str:
    """sha256 of a file's content, of the uncompressed content where the file is a gzip that is not a tar archive.

    Raises:
        DataError: a gzip that cannot be read to its end.
    """
    path, digest = Path(path), hashlib.sha256()
    with path.open("rb") as probe:
        zipped = probe.read(2) == b"\x1f\x8b" and ".tar." not in path.name and ".tgz" not in path.name
    if not zipped:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    import gzip

    try:
        with gzip.open(path, "rb") as stream:
            while piece := stream.read(1 << 20):
                digest.update(piece)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path}: its gzip stream is truncated or damaged ({error}).") from None
    return digest.hexdigest()


@contextmanager
def only_one(lock_file: Path, doing: str):
    """What several processes want and one is enough for; the others are told and wait.

    Args:
        doing: what the other process does, for the message.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(lock_file)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        log.log(NOTE, f"{doing} by another process: waiting for it.")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def download(
    dataset: str, entry: dict, folder: Path, *, progress: bool | None = None, zipped: Path | None = None
) -> Path:
    """Downloads one file into `folder`; the final name appears only when size and checksum are right.

    A `.part` file left by an interrupted download is continued if the server says that it is still the same file.

    Args:
        progress: whether a bar is shown (None: on a terminal).
        zipped: the zip archive the file is a `member` of, if the user has it already.

    Raises:
        OSError: no address, no connection, no space: what remains can be tried again.
        DataError: the server's file is not the expected one.
    """
    final = folder / entry["name"]
    addresses = [a for a in (entry.get("url"), entry.get("mirror")) if a]
    if not addresses:
        raise OSError("it has no public address")
    with only_one(folder / f".{entry['name']}.lock", f"{entry['name']} is being downloaded"):
        if final.is_file():  # another process was faster
            return final
        if zipped is not None:
            return _named(dataset, entry, _member(dataset, final, zipped, entry), final, str(zipped))
        part = final.with_name(final.name + ".part")
        if part.is_symlink():  # written through, another file would change
            part.unlink()
        problem: Exception = OSError("no address was tried")
        for address in addresses:
            try:
                _transfer(address, part, progress)
                ready = _member(dataset, final, part, entry) if entry.get("member") else part
                _named(dataset, entry, ready, final, address)
                _forget(part)
                return final
            except DataError as error:
                _forget(part)
                problem = error
            except OSError as error:
                problem = problem if isinstance(problem, DataError) else error
        raise problem


def _named(dataset: str, entry: dict, ready: Path, final: Path, source: str) -> Path:
    """Gives a complete file its name, if its checksum is right."""
    wrong = checksum_problem(ready, entry)
    if wrong:
        ready.unlink()
        raise damaged(dataset, final, entry, f"what {source} holds has {wrong}")
    os.replace(ready, final)
    return final


def checksum_problem(path: Path, entry: dict) -> str | None:
    """What is wrong with a file's checksum ("sha256 ..."), or None where it is right or none is known.

    Raises:
        DataError: a gzip that cannot be read to its end.
    """
    if entry.get("sha256"):
        found = sha256(path)
        return None if found == entry["sha256"] else f"sha256 {found}"
    if entry.get("md5"):
        with Path(path).open("rb") as file:
            found = hashlib.file_digest(file, "md5").hexdigest()
        return None if found == entry["md5"] else f"md5 {found}"
    return None


def _member(dataset: str, final: Path, part: Path, entry: dict) -> Path:
    """The file `member` of the zip archive `part`, taken out beside it."""
    import shutil
    import zipfile

    out = final.with_name(final.name + ".unzipped")
    try:
        with zipfile.ZipFile(part) as zipped, zipped.open(entry["member"]) as source, out.open("wb") as target:
            _room(part.parent, zipped.getinfo(entry["member"]).file_size)
            shutil.copyfileobj(source, target, 1 << 20)
            target.flush()
            os.fsync(target.fileno())
    except (zipfile.BadZipFile, KeyError, EOFError, zlib.error, RuntimeError) as error:
        out.unlink(missing_ok=True)
        raise damaged(dataset, final, entry, f"the zip archive {part.name} cannot be read ({error})") from None
    except BaseException:
        out.unlink(missing_ok=True)
        raise
    return out


def _forget(part: Path) -> None:
    part.unlink(missing_ok=True)
    part.with_suffix(".etag").unlink(missing_ok=True)


def _transfer(address: str, part: Path, progress: bool | None) -> None:
    """Fetches `address` into `part`, trying again after what passes: broken connections, busy servers."""
    import requests

    for attempt in range(TRIES):
        try:
            return _attempt(requests, address, part, progress)
        except requests.RequestException as error:
            status = getattr(error.response, "status_code", None)
            final = status is not None and status < 500 and status not in (408, 416, 429)
            unreachable = isinstance(error, requests.ConnectionError) and not part.exists() and attempt >= 1
            if final or unreachable or attempt == TRIES - 1:
                raise OSError(_reason(error, address)) from None
            time.sleep(2**attempt)
    raise AssertionError


def _reason(error: Exception, address: str) -> str:
    from urllib.parse import urlsplit

    status = getattr(getattr(error, "response", None), "status_code", None)
    return f"{urlsplit(address).hostname}: " + (
        f"HTTP {status}" if status else f"no connection, {type(error).__name__}"
    )


def _attempt(requests, address: str, part: Path, progress: bool | None) -> None:
    """One request. Continues `part` if its note of the server's version tag still holds."""
    tag_file = part.with_suffix(".etag")
    start = part.stat().st_size if part.is_file() and tag_file.is_file() else 0
    headers = {"Accept-Encoding": "identity"}
    if start:
        headers |= {"Range": f"bytes={start}-", "If-Range": tag_file.read_text(encoding="utf-8")}
    with requests.get(address, headers=headers, stream=True, timeout=TIMEOUT) as response:
        if response.status_code == 416:  # nothing left to send, or another file: start again
            _forget(part)
        response.raise_for_status()
        start = start if response.status_code == 206 else 0
        size = int(response.headers.get("Content-Length", 0)) + start
        _room(part.parent, size - start)
        tag = response.headers.get("ETag", "")
        if tag and not tag.startswith("W/"):
            tag_file.write_text(tag, encoding="utf-8")
        with part.open("ab" if start else "wb") as file, _bar(part, size, start, progress) as bar:
            for piece in response.iter_content(PIECE):
                file.write(piece)
                bar.update(len(piece))
            file.flush()
            os.fsync(file.fileno())
    if size and part.stat().st_size != size:
        raise requests.ConnectionError(f"{part.stat().st_size} of {size} bytes came")


def _room(folder: Path, n_bytes: int) -> None:
    import shutil

    free = shutil.disk_usage(folder).free
    if n_bytes > free:
        raise OSError(f"{folder} has {free / 1e6:.0f} MB left, {n_bytes / 1e6:.0f} MB are needed")


def _bar(part: Path, size: int, start: int, progress: bool | None):
    from tqdm import tqdm

    hidden = None if progress is None else not progress  # None: shown on a terminal
    return tqdm(total=size or None, initial=start, unit="B", unit_scale=True, desc=part.stem, disable=hidden)
