"""Whatever becomes of standard output and error, the process goes on to its end, and run.log has everything."""

import os
import pty
import signal
import subprocess
import sys
import time

import pytest
from support import ROOT

from vaelab.system import printing, signals

LINES = 5000
WORK = f"""
import sys
from vaelab.system import printing
with printing.despite_trouble(), printing.copied_to(sys.argv[1]):
    for n in range({LINES}):
        print("elbo ±", n)
        print("note ±", n, file=sys.stderr, flush=True)
open(sys.argv[1] + ".done", "w").close()
"""
CASES = {
    "a reader that goes away": "{ %s; echo $? >&3; } 3>CODE | head -n 1",
    "a reader of both that goes away": "{ %s 2>&1; echo $? >&3; } 3>CODE | head -n 1",
    "closed standard output": "%s >&-; echo $? >CODE",
    "closed standard error": "%s 2>&- >/dev/null; echo $? >CODE",
    "all closed": "%s <&- >&- 2>&-; echo $? >CODE",
    "a full disk": "%s >/dev/full 2>/dev/full; echo $? >CODE",
    "ascii only": "PYTHONIOENCODING=ascii %s; echo $? >CODE",
    "ascii only, by locale": "LC_ALL=POSIX PYTHONUTF8=0 PYTHONCOERCECLOCALE=0 %s; echo $? >CODE",
}


@pytest.fixture
def program(tmp_path):
    path = tmp_path / "program.py"
    path.write_text(WORK, encoding="utf-8")
    return [sys.executable, str(path), str(tmp_path / "run.log")]


def logged(tmp_path) -> list[str]:
    assert (tmp_path / "run.log.done").is_file()
    return (tmp_path / "run.log").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("case", CASES)
def test_output_trouble_ends_nothing(case, program, tmp_path):
    done = subprocess.run(
        ["bash", "-c", CASES[case] % " ".join(program)], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert (tmp_path / "CODE").read_text() == "0\n"
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr
    lines = logged(tmp_path)
    assert len(lines) == 2 * LINES and lines[-2:] == [f"elbo ± {LINES - 1}", f"note ± {LINES - 1}"]
    if case.startswith("ascii"):
        assert f"elbo ? {LINES - 1}\n" in done.stdout


def test_a_terminal_that_vanishes_ends_nothing(program, tmp_path):
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        program, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    os.close(theirs)
    os.read(ours, 100)
    os.close(ours)
    assert process.wait(120) == 0 and len(logged(tmp_path)) == 2 * LINES


def test_a_closed_descriptor_is_not_given_to_the_next_file(tmp_path):
    """Native libraries write to descriptor 2, whatever file that is."""
    script = (
        "import os, sys\nfrom vaelab.system import printing\nwith printing.despite_trouble():\n"
        "    file = open(sys.argv[1], 'w'); os.write(2, b'native noise'); file.write(str(file.fileno()))"
    )
    words = f'{sys.executable} -c "$0" {tmp_path}/precious 2>&-'
    subprocess.run(["bash", "-c", words, script], env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True)
    assert int((tmp_path / "precious").read_text()) > 2


def test_streams_are_given_back(capsys):
    before = sys.stdout, sys.stderr
    with printing.despite_trouble():
        print("said")
    assert (sys.stdout, sys.stderr) == before and capsys.readouterr().out == "said\n"


def test_a_short_command_is_quiet_when_its_reader_goes_away(tmp_path):
    words = f"{{ {sys.executable} -m vaelab --help; echo $? >&3; }} 3>CODE | true"
    done = subprocess.run(
        ["bash", "-c", words], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert (tmp_path / "CODE").read_text() == "0\n" and done.stderr == ""


# -- signals -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_every_wish_to_stop_is_heard_and_handlers_are_given_back(number):
    started_with, heard = signal.signal(number, signal.default_int_handler), []  # nohup silences one
    before = signal.getsignal(number)
    with signals.handled_by(lambda number, frame: heard.append(number)):
        os.kill(os.getpid(), number)
        time.sleep(0.01)
    assert heard == [number] and signal.signal(number, started_with) == before


def test_what_nohup_silenced_stays_silent():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with signals.handled_by(signal.default_int_handler):
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)
