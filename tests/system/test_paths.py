"""Where commands may write."""

import os

import pytest

from vaelab.errors import ConfigError
from vaelab.system.paths import output_file, output_folder


@pytest.fixture
def here(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("kept")
    (tmp_path / "folder.png").mkdir()
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path


@pytest.mark.parametrize(
    "value,told",
    [
        ("folder.png", "is a folder"),
        ("new.png/", "is a folder"),
        ("file/x.png", "file is a file, not a folder"),
        ("file/a/b/x.png", "file is a file, not a folder"),
        ("x.jpg", r"ends in \.png"),
        ("x", r"ends in \.png"),
        ("", "expected a path"),
        ("a\0b.png", "expected a path"),
        ("~no_such_user_here/x.png", "no such user"),
        ("pipe.png", "no ordinary file"),
        ("a" * 300 + ".png", "too long"),
        ("b" * 300 + "/x.png", "too long"),
        ("loop/x.png", "cannot be written"),
        ("/proc/x.png", "nothing can be written into /proc"),
        ("/proc/self/fd/x.png", "cannot be written"),
        ("/sys/x/y.png", "cannot be written"),
    ],
)
def test_a_place_that_takes_no_file_is_refused_in_a_sentence(here, value, told):
    before = sorted(here.rglob("*"))
    with pytest.raises(ConfigError, match=told) as refused:
        output_file("output", value, (".png",))
    assert "output" in str(refused.value) and "Errno" not in str(refused.value)
    assert sorted(here.rglob("*")) == before


@pytest.mark.parametrize("value", ["file", "file/x", "/proc/x", "", "loop/x", "/dev/null", "c" * 300])
def test_a_place_that_takes_no_folder_is_refused_in_a_sentence(here, value):
    with pytest.raises(ConfigError, match=r"^to"):
        output_folder("to", value)


@pytest.mark.parametrize("value", ["x.png", "a/b/x.PNG", "Größe ä b/x y.png", "~/x.png", "folder.png/x.png"])
def test_any_other_place_is_taken_and_nothing_is_made_yet(here, value):
    before = sorted(here.rglob("*"))
    path = output_file("output", value, (".png",))
    assert sorted(here.rglob("*")) == before
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    assert path.resolve().is_relative_to(here.resolve())


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_permissions_are_told(here):
    (here / "closed").mkdir(mode=0o555)
    (here / "mine.png").touch(0o444)
    for value in ("closed/x.png", "mine.png"):
        with pytest.raises(ConfigError, match="permi"):
            output_file("output", value)
