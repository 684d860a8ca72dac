"""Tar archives, gzipped and plain: read to their end, or refused."""

import io
import tarfile

import pytest

from vaelab.datasets.archive import members
from vaelab.errors import DataError

ENTRY = {"name": "images.tar", "url": "https://example.org/images.tar", "sha256": "0" * 64}
MOST = {"most": 10_000, "most_in_all": 100_000, "most_files": 100}
FILES = {f"images/{n}.bin": bytes([n]) * (300 * n) for n in range(1, 6)}


def packed(path, mode):
    with tarfile.open(path, mode) as tar:
        for name, content in FILES.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_every_member_comes_back(tmp_path, mode):
    assert dict(members(packed(tmp_path / "images.tar", mode), ENTRY, "mine", **MOST)) == FILES


@pytest.mark.parametrize("mode", ["w", "w:gz"])
@pytest.mark.parametrize("kept", [0.05, 0.2, 0.31, 0.5, 0.73, 0.9, 0.97])
def test_what_is_cut_anywhere_is_refused(tmp_path, mode, kept):
    """tarfile itself takes an archive cut in a header for a shorter one. A plain archive ends in 10 KiB of zeros."""
    path = packed(tmp_path / "images.tar", mode)
    content = path.read_bytes()
    whole = len(content) if mode == "w:gz" else len(content.rstrip(b"\0"))
    path.write_bytes(content[: int(kept * whole)])
    with pytest.raises(DataError, match="cannot be read as a tar archive"):
        dict(members(path, ENTRY, "mine", **MOST))
