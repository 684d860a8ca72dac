"""CIFAR-10: 50,000 + 10,000 photographs, 32x32 RGB, in the official pickled batches, which are read, never executed."""

import pickletools
from pathlib import Path, PurePosixPath

import numpy as np

from vaelab.datasets.archive import in_words, members
from vaelab.datasets.base import Dataset, Split, check_labels
from vaelab.datasets.download import damaged, obtain, places

FOLDER = "cifar-10-batches-py"
TRAIN = tuple(f"data_batch_{i}" for i in range(1, 6))
OFFICIAL_ROWS = 10000
MOST_OF_A_BATCH = 1 << 26  # bytes: 10,000 rows of 3,072 pixels, their labels and file names take 31 MB
CLASS_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def load(*, data_dir: str | None, seed: int, files: list[dict], folders: list[str], licence: str) -> Dataset:
    """uint8 (N, 32, 32, 3); official split and order.

    An archive of the official layout with other pixels or fewer rows is accepted and noted.

    References:
        Krizhevsky (2009), Learning Multiple Layers of Features from Tiny Images.
    """
    entry = files[0]
    unpacked = [p / FOLDER for p in places(folders, data_dir)]
    folder = next((p for p in unpacked if (p / "test_batch").is_file()), None)
    source = folder or obtain("cifar10", files, folders, data_dir)[entry["name"]]
    batches = {name: _batch(content, source, name, entry) for name, content in _contents(source, entry)}
    for name in (*TRAIN, "test_batch"):
        if name not in batches:
            raise damaged("cifar10", source, entry, f"it lacks '{FOLDER}/{name}'")
    images, labels = (np.concatenate([batches[n][i] for n in TRAIN]) for i in (0, 1))
    train = Split((images,), labels)
    test = Split((batches["test_batch"][0],), batches["test_batch"][1])
    notes = ()
    if len(train) != 5 * OFFICIAL_ROWS or len(test) != OFFICIAL_ROWS:
        notes = (f"{source} is not the complete CIFAR-10: {len(train)} + {len(test)} images instead of 50000 + 10000.",)
    return Dataset("cifar10", train, test, class_names=CLASS_NAMES, notes=notes)


def _contents(source: Path, entry: dict):
    """(name, content) of the batch files in an archive or an unpacked folder."""
    wanted = (*TRAIN, "test_batch")
    if source.is_dir():
        for path in (source / name for name in wanted if (source / name).is_file()):
            if path.stat().st_size > MOST_OF_A_BATCH:
                size = f"{in_words(path.stat().st_size)}, expected at most {in_words(MOST_OF_A_BATCH)}"
                raise damaged("cifar10", path, entry, f"it has {size}")
            yield path.name, path.read_bytes()
        return
    for name, content in members(
        source, entry, "cifar10", most=MOST_OF_A_BATCH, most_in_all=8 * MOST_OF_A_BATCH, most_files=1000
    ):
        if PurePosixPath(name).parent.name == FOLDER and PurePosixPath(name).name in wanted:
            yield PurePosixPath(name).name, content


def _batch(content: bytes, source, name: str, entry: dict) -> tuple[np.ndarray, np.ndarray]:
    """(images (n, 32, 32, 3), labels (n,)) of one batch file."""
    where = f"its batch '{name}'"
    try:
        found = _read(content)
    except _Foreign as error:
        raise damaged(
            "cifar10", source, entry, f"{where} wants to import {error}, which no official batch does"
        ) from None
    except Exception as error:  # a damaged pickle can raise anything
        raise damaged("cifar10", source, entry, f"{where} is no readable pickle ({type(error).__name__})") from None
    found = {_text(k): v for k, v in found.items()} if isinstance(found, dict) else {}
    pixels, labels = found.get("data"), found.get("labels")
    if not isinstance(pixels, _Array) or not isinstance(labels, list):
        raise damaged("cifar10", source, entry, f"{where} lacks 'data' or 'labels'")
    n = pixels.shape[0] if len(pixels.shape) == 2 else -1
    if pixels.dtype != "u1" or pixels.shape != (n, 3072) or len(pixels.content) != n * 3072:
        what = f"{where} holds {pixels.dtype} of shape {pixels.shape}, expected uint8 (n, 3072)"
        raise damaged("cifar10", source, entry, what)
    if len(labels) != n or not all(isinstance(v, int) for v in labels):
        raise damaged("cifar10", source, entry, f"{where} has {n} images and {len(labels)} labels")
    y = np.array(labels, np.int64)
    check_labels(y, CLASS_NAMES, f"dataset=cifar10 {where}")
    planes = np.frombuffer(pixels.content, np.uint8).reshape(n, 3, 32, 32)
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), y  # (n, 32, 32, 3)


def _text(key) -> str:
    return key.decode("latin1") if isinstance(key, bytes) else str(key)


class _Foreign(Exception):
    """A pickle names something else than an array of numbers."""


class _Array:
    """What a pickled numpy array is made of; no numpy code sees the pickle."""

    shape, dtype, content = (), "", b""

    def build(self, state):
        _, self.shape, dtype, fortran, self.content = state
        self.dtype = getattr(dtype, "code", "")
        if isinstance(self.content, str):
            self.content = self.content.encode("latin1")
        if fortran or not isinstance(self.content, bytes):
            raise _Foreign("an array that is not plain bytes")


class _Dtype:
    def __init__(self, code="", *_):
        self.code = _text(code)

    def build(self, state):
        pass


# What stands for the names a batch may hold; `_codecs.encode` is used for bytes in batches written by Python 3.
_KNOWN = {
    "numpy ndarray": _Array,
    "numpy dtype": _Dtype,
    "_codecs encode": lambda text, *_: text.encode("latin1"),
    "numpy.core.multiarray _reconstruct": lambda *_: _Array(),
    "numpy._core.multiarray _reconstruct": lambda *_: _Array(),
}
_VALUES = {"BININT", "BININT1", "BININT2", "INT", "LONG", "LONG1", "BINSTRING", "SHORT_BINSTRING", "STRING",
           "BINUNICODE", "SHORT_BINUNICODE", "UNICODE", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8"}  # fmt: skip
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_EMPTY = {"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple}


def _read(content: bytes):
    """The value of a pickle made of numbers, text, lists, dicts with text keys and arrays.

    A pickle is a program for a machine with a stack. The few instructions that batches use are followed here, so that
    nothing is imported or called, and neither the machine's memory nor its hashing can be made to grow.

    Raises:
        _Foreign: it names or does something else.
    """
    stack, marks, memo = [], [], {}

    def since_mark() -> list:
        start = marks.pop()
        found = stack[start:]
        del stack[start:]
        return found

    def add(pairs: list) -> None:
        for key, value in zip(pairs[::2], pairs[1::2], strict=True):
            if not isinstance(key, (str, bytes)):
                raise _Foreign("a key that is no text")
            stack[-1][key] = value

    for instruction, value, _ in pickletools.genops(content):
        name = instruction.name
        if name in _VALUES:
            stack.append(value)
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name])
        elif name in _EMPTY:
            stack.append(_EMPTY[name]())
        elif name == "MARK":
            marks.append(len(stack))
        elif name in ("TUPLE", "LIST"):
            stack.append((tuple if name == "TUPLE" else list)(since_mark()))
        elif name in ("TUPLE1", "TUPLE2", "TUPLE3"):
            n = int(name[-1])
            stack[-n:] = [tuple(stack[-n:])]
        elif name == "DICT":
            pairs = since_mark()
            stack.append({})
            add(pairs)
        elif name in ("APPEND", "APPENDS"):
            found = [stack.pop()] if name == "APPEND" else since_mark()
            stack[-1].extend(found)
        elif name in ("SETITEM", "SETITEMS"):
            add([stack.pop(-2), stack.pop()] if name == "SETITEM" else since_mark())
        elif name in ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"):
            memo[len(memo) if name == "MEMOIZE" else value] = stack[-1]
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            stack.append(memo[value])
        elif name in ("GLOBAL", "STACK_GLOBAL"):
            named = str(value) if name == "GLOBAL" else " ".join([stack.pop(-2), stack.pop()])
            if named not in _KNOWN:
                raise _Foreign(named.replace(" ", "."))
            stack.append(_KNOWN[named])
        elif name == "REDUCE":
            arguments, function = stack.pop(), stack.pop()
            if function not in _KNOWN.values():
                raise _Foreign("what is no function")
            stack.append(function(*arguments))
        elif name == "BUILD":
            state = stack.pop()
            stack[-1].build(state)
        elif name == "STOP":
            return stack.pop()
        elif name not in ("PROTO", "FRAME", "POP"):
            raise _Foreign(f"by the instruction {name}")
    raise ValueError("it has no end")
