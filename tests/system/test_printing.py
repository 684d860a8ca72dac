"""Whatever becomes of standard output and error, the process goes on to its end, and run.log has everything."""

import io
import logging
import os
import pty
import signal
import subprocess
import sys
import time

import pytest
from support import ROOT

from vaelab.system import printing, signals, streams

LINES = 5000
WORK = f"""
import logging, sys
from vaelab.system import printing, streams
log = logging.getLogger("vaelab.work")
with streams.despite_trouble(), printing.quietly(False), printing.logged_to(sys.argv[1]):
    for n in range({LINES}):
        log.info(f"elbo ± {{n}}")
        log.log(printing.NOTE, f"± {{n}}")
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
    assert len(lines) == 2 * LINES and lines[-2:] == [f"elbo ± {LINES - 1}", f"note: ± {LINES - 1}"]
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
        "import os, sys\nfrom vaelab.system import streams\nwith streams.despite_trouble():\n"
        "    file = open(sys.argv[1], 'w'); os.write(2, b'native noise'); file.write(str(file.fileno()))"
    )
    words = f'{sys.executable} -c "$0" {tmp_path}/precious 2>&-'
    subprocess.run(["bash", "-c", words, script], env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True)
    assert int((tmp_path / "precious").read_text()) > 2


def test_streams_are_given_back(capsys):
    before = sys.stdout, sys.stderr
    with streams.despite_trouble():
        print("said")
    assert (sys.stdout, sys.stderr) == before and capsys.readouterr().out == "said\n"


def test_every_kind_has_its_stream_and_its_word(capsys, tmp_path):
    log = logging.getLogger("vaelab.somewhere")
    with printing.quietly(False), printing.logged_to(tmp_path / "run.log"):
        log.info("epoch 1")
        log.log(printing.NOTE, "grey")
        log.warning("no picture")
        log.error("\ninterrupted")
    told = capsys.readouterr()
    assert told.out == "epoch 1\n" and told.err == "note: grey\nwarning: no picture\n\nvaelab: interrupted\n"
    assert (tmp_path / "run.log").read_text() == told.out + told.err


def test_quiet_shows_warnings_and_what_was_asked_for_and_ends_with_its_block(capsys, tmp_path):
    log = logging.getLogger("vaelab.somewhere")

    def speak():
        log.info("epoch 1")
        log.log(printing.NOTE, "grey")
        log.warning("no picture")
        streams.output("a table")

    with pytest.raises(ZeroDivisionError), printing.quietly(True), printing.logged_to(tmp_path / "run.log"):
        speak()
        with printing.quietly(False):  # does not undo it
            log.info("epoch 2")
        assert not printing.shows_progress()
        raise ZeroDivisionError
    assert capsys.readouterr() == ("a table\n", "warning: no picture\n")
    assert "epoch 1\nnote: grey" in (tmp_path / "run.log").read_text()
    speak()
    assert capsys.readouterr().out == "epoch 1\na table\n" and printing.shows_progress()


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_notes_on_a_terminal_take_one_line(monkeypatch, tmp_path):
    log, long = logging.getLogger("vaelab.somewhere"), "a likelihood " + "that describes other data " * 9
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(printing.tables, "terminal_width", lambda: 80)
    with printing.quietly(False), printing.logged_to(tmp_path / "run.log"):
        with printing.notes_in_a_line(tmp_path / "run.log") as show:
            for text in (long, "short", long):
                log.log(printing.NOTE, text)
            log.warning("at once")
            assert screen.getvalue() == "warning: at once\n"
            show()
            log.log(printing.NOTE, "later")
        with pytest.raises(KeyError), printing.notes_in_a_line(tmp_path / "run.log"):
            log.log(printing.NOTE, "before an error")
            raise KeyError
    first, *rest = screen.getvalue().splitlines()[1:]
    assert first.startswith("note: a likelihood") and first.endswith("... (2 notes: run.log)") and len(first) <= 80
    assert rest == ["note: later", "note: before an error"]
    assert (tmp_path / "run.log").read_text().count(long) == 2


def test_colour_is_for_terminals_that_want_it(monkeypatch):
    from vaelab.system import colours

    screen = Terminal()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert colours.painted("done", "green", screen) == "\x1b[32mdone\x1b[0m"
    assert colours.painted("done", "green", io.StringIO()) == "done" == colours.painted("done", None, screen)
    monkeypatch.setenv("NO_COLOR", "1")
    assert colours.painted("done", "green", screen) == "done"


def test_a_notebook_silences_by_the_usual_calls(capsys):
    logger = logging.getLogger("vaelab")
    with printing.quietly(False):
        logger.setLevel(logging.ERROR)
        try:
            logging.getLogger("vaelab.somewhere").warning("no picture")
        finally:
            logger.setLevel(logging.INFO)
    assert capsys.readouterr() == ("", "")


def test_hydras_logging_shows_nothing_twice(capsys, tmp_path):
    """It closes every handler there is and puts its own on the root logger."""
    from hydra.core.utils import configure_log
    from omegaconf import OmegaConf

    settings = {"version": 1, "root": {"level": "INFO", "handlers": ["console"]}, "disable_existing_loggers": False}
    settings["handlers"] = {"console": {"class": "logging.StreamHandler", "stream": "ext://sys.stdout"}}
    before = logging.root.handlers[:], logging.root.level
    try:
        with printing.quietly(False), printing.logged_to(tmp_path / "run.log"):
            configure_log(OmegaConf.create(settings))
            logging.getLogger("vaelab.somewhere").info("epoch 1")
    finally:
        logging.root.handlers[:] = before[0]
        logging.root.setLevel(before[1])
    assert capsys.readouterr().out == "epoch 1\n" and (tmp_path / "run.log").read_text() == "epoch 1\n"


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


@pytest.fixture
def logger():
    """The logger `vaelab` as it is in a new process."""
    saved = printing.LOGGER.handlers[:], printing.LOGGER.level, printing.LOGGER.propagate
    printing.LOGGER.handlers[:], printing.LOGGER.propagate = [], True
    printing.LOGGER.setLevel(logging.NOTSET)
    yield printing.LOGGER
    printing.LOGGER.handlers[:], printing.LOGGER.propagate = saved[0], saved[2]
    printing.LOGGER.setLevel(saved[1])


def test_a_handler_of_the_user_s_own_is_left_in_charge(logger, capsys):
    logger.addHandler(logging.NullHandler())
    with printing.quietly(True):
        logger.error("lost")
    assert printing.install() is None and capsys.readouterr() == ("", "") and not printing.shows_progress()
    assert len(logger.handlers) == 1 and logger.propagate


def test_a_level_of_the_user_s_own_stays(logger, capsys):
    logger.setLevel(logging.WARNING)
    assert printing.install() is printing.install()
    logger.info("epoch 1")
    logger.warning("no picture")
    assert capsys.readouterr() == ("", "warning: no picture\n") and not printing.shows_progress()


def test_the_first_use_of_the_api_makes_words_seen_and_the_import_alone_nothing():
    code = "import logging, vaelab; log = logging.getLogger('vaelab'); assert not log.handlers\n"
    code += "vaelab.train; log.info('epoch 1'); from vaelab.system.printing import Console\n"
    code += "assert [type(h) for h in log.handlers] == [Console]"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout == "epoch 1\n", done.stderr
