"""`vaelab ui`: MLflow's pages on this project's store."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from sqlite3 import DatabaseError

from vaelab.commands.runs import bring_up_to_date
from vaelab.errors import RunError
from vaelab.records.tracking import default_uri, newest_experiment, refuse_unusable
from vaelab.system import address, signals
from vaelab.system.streams import output

PATIENCE = 5  # seconds the server has to end
SETTINGS = {
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "PYTHONWARNINGS": "ignore",  # of the server's own libraries
}


def run(cfg) -> int:
    """Starts MLflow's server in the foreground until Ctrl-C, SIGTERM or the end of the terminal."""
    uri = cfg.uri or default_uri(cfg.output_dir)
    if uri.startswith("sqlite:///") and not Path(uri.removeprefix("sqlite:///")).is_file():
        raise RunError(
            f"There is nothing to show yet: {uri.removeprefix('sqlite:///')} is not there. Train a run first."
        )
    try:
        refuse_unusable(uri)
    except DatabaseError as error:
        raise RunError(f"{uri.removeprefix('sqlite:///')} cannot be shown: {error}.") from None
    host = cfg.host.strip("[]")
    address.listening(host, cfg.port).close()
    bring_up_to_date(cfg.output_dir, cfg.uri)
    shown = f"[{host}]" if ":" in host else host
    command = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", uri, "--registry-store-uri", uri]
    command += ["--host", host, "--port", str(cfg.port), "--workers", "1"]
    command += [] if sys.platform == "win32" else ["--uvicorn-opts", "--log-level warning"]  # no line for each request
    with signals.handled_by(signal.default_int_handler):
        # its workers are ended with it
        server = subprocess.Popen(command, env={**os.environ, **SETTINGS}, start_new_session=True)
        try:
            output("MLflow starts ...")
            table = _runs_table(uri)
            while server.poll() is None and not address.answers(host, cfg.port):
                time.sleep(0.1)
            if server.poll() is None:
                output(f"MLflow: http://{shown}:{cfg.port}/{table}  (Ctrl-C ends it)")
            return server.wait()
        except KeyboardInterrupt:
            return 0
        finally:
            with signals.handled_by(signal.SIG_IGN):  # a second signal must not stop the ending
                end(server)


def _runs_table(uri: str) -> str:
    """Where the page has the table of the runs of the experiment that was worked in last."""
    experiment = newest_experiment(uri)
    return "" if experiment is None else f"#/experiments/{experiment}/runs"


def end(server: subprocess.Popen) -> None:
    """Ends a process and all it started: asks, waits, kills what is left."""
    import psutil

    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(server.pid)
        everyone = [process, *process.children(recursive=True)]
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(server.pid, number)
            for one in everyone:  # one that left the group
                with suppress(psutil.NoSuchProcess):
                    one.send_signal(number)
            everyone = psutil.wait_procs(everyone, timeout=PATIENCE)[1]
            if not everyone:
                break
    server.wait()
