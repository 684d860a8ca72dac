"""The runtime in the repository is the one vendor/make.py made from npm, with its licences."""

import gzip
import hashlib
from pathlib import Path

import pytest

import vaelab

VENDOR = Path(vaelab.__file__).parent / "explorer" / "vendor"
SHA256 = {  # of the packed file, of its content as npm has it
    "litert.js.gz": (
        "a5e222880230db9ad6857eb1d22e71825f21e2d0dfe955e601700f4b64a3fb18",
        "fd1672bcb653600d91cba5cdd990e081315d4218e40d493a387eed291f3ee311",
    ),
    "glue.js.gz": (
        "77f5fd478c146a33d37c1b2a8e48cdd87961b62d4bfd6b9d1f0ac3934f620343",
        "4d8f894b7883654fd6e8439730aa41e79ceaab7d19184fc4f1f0b0f1a2a2c8a5",
    ),
    "litert.wasm.gz": (
        "d7f75a827bced52e59aa22c065d598246809ba77569073e0d9f948a9ea6703b5",
        "5255c8ad06eabdbd2522cdebf6b22fc10faf74625c23a49b9e072570cd1fa41c",
    ),
}


@pytest.mark.parametrize("name", SHA256)
def test_vendored_files_are_unchanged(name):
    packed = (VENDOR / name).read_bytes()
    digests = hashlib.sha256(packed).hexdigest(), hashlib.sha256(gzip.decompress(packed)).hexdigest()
    assert digests == SHA256[name]


def test_nothing_else_is_vendored_and_the_licences_are_there():
    files = {p.name for p in VENDOR.iterdir() if p.is_file()}
    assert files == {*SHA256, "make.py", "LICENSE", "THIRD_PARTY_NOTICES.txt"}
    assert "Apache License" in (VENDOR / "LICENSE").read_text()
    assert "XNNPACK" in (VENDOR / "THIRD_PARTY_NOTICES.txt").read_text(encoding="utf-8")
    assert sum(p.stat().st_size for p in VENDOR.iterdir()) < 3_000_000
