"""Jobs of a sweep that are a few lines of Python."""

import sys
import time
from dataclasses import dataclass

from vaelab.records.run_folder import RunFolder
from vaelab.sweeps.job import Job

MEASURES = "(folder / 'status.json').write_text(json.dumps({'state': 'running', 'phase': 'measuring'}))\n"


@dataclass
class Script(Job):
    """A job whose process is a few lines of Python; `status` and `folder` are at hand in it."""

    script: str = ""

    def command(self):
        start = "import sys, time, json, pathlib; folder = pathlib.Path(sys.argv[1])\n"
        start += "def state(s): (folder / 'status.json').write_text(json.dumps({'state': s}))\n"
        return [sys.executable, "-c", start + self.script, str(self.folder.path)]


def script_job(tmp_path, number, script="state('done')", **trainer):
    cfg = {"model": {}, "trainer": {"threads": 1, "epochs": 3, "steps": None, **trainer}, "device": "cpu"}
    cfg["tracking"] = {"enabled": False}
    folder = RunFolder(tmp_path / f"job{number}")
    folder.path.mkdir(exist_ok=True)
    made = Script(number, ["model=dense", f"seed={number}"], f"seed={number}", folder, cfg, {})
    made.script = script
    return made


def timed_while_measuring(monkeypatch):
    """Scripts' seconds count from when they say that they measure: how fast a machine starts a process is no matter."""
    since = {}

    def seconds(job):
        return time.monotonic() - since.setdefault(job.number, time.monotonic()) if job.phase() == "measuring" else 0.0

    monkeypatch.setattr(Script, "seconds", seconds)
