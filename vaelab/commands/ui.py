"""`vaelab ui`: MLflow's pages on this project's store."""

import os
import socket
import subprocess
import sys
from pathlib import Path

from vaelab.commands.runs import bring_up_to_date
from vaelab.errors import ConfigError, RunError


def run(cfg) -> int:
    """Starts MLflow's server in the foreground until Ctrl-C."""
    uri = cfg.uri or f"sqlite:///{Path(cfg.output_dir).resolve() / 'mlflow.db'}"
    if uri.startswith("sqlite:///") and not Path(uri.removeprefix("sqlite:///")).is_file():
        raise RunError(
            f"There is nothing to show yet: {uri.removeprefix('sqlite:///')} is not there. Train a run first."
        )
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((cfg.host, cfg.port))
        except OSError:
            raise ConfigError(
                f"port={cfg.port} on {cfg.host} is in use by another program. Try port={cfg.port + 1}."
            ) from None
    bring_up_to_date(cfg.output_dir, cfg.uri)
    print(f"MLflow: http://{cfg.host}:{cfg.port}  (Ctrl-C ends it)", flush=True)
    environment = dict(os.environ, MLFLOW_SERVER_ENABLE_JOB_EXECUTION="false", MLFLOW_DISABLE_TELEMETRY="true")
    command = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", uri, "--host", cfg.host]
    command += ["--port", str(cfg.port), "--workers", "1"]
    server = subprocess.Popen(command, env=environment)
    try:
        return server.wait()
    except KeyboardInterrupt:
        server.terminate()
        server.wait(10)
        return 0
