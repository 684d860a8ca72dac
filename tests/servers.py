"""Servers and clusters that tests start for themselves: PostgreSQL, MLflow, Ray, something like SLURM."""

import os
import pwd
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from support import ROOT


def documented(beginning: str, **placeholders) -> list[str]:
    """The words of the one command of docs/many_machines.md that begins so, with its placeholders filled in."""
    lines = (ROOT / "docs" / "many_machines.md").read_text().splitlines()
    (line,) = [line for line in lines if line.startswith(beginning)]
    for name, value in placeholders.items():
        assert name in line, f"{beginning} ... has no {name}"
        line = line.replace(name, str(value))
    return shlex.split(line)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def postgres_server():
    """URI of an empty PostgreSQL database, from Debian's package; skips where that is not installed."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name))
    where = str(programs[-1]) if programs else None
    initdb, server = (shutil.which(name, path=where) for name in ("initdb", "postgres"))
    if not initdb or not server:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    pytest.importorskip("psycopg", reason='psycopg is not installed: pip install "vaelab[postgres]"')
    folder = Path(f"/tmp/vaelab-postgres-{os.getpid()}")
    folder.mkdir(mode=0o700)
    user = {}
    if os.getuid() == 0:  # PostgreSQL refuses root
        account = next((a for a in ("postgres", "nobody") if _known(a)), None)
        if account is None:
            pytest.skip("PostgreSQL does not run as root, and there is no user postgres")
        user = {"user": account, "group": pwd.getpwnam(account).pw_gid}
        shutil.chown(folder, account)
    port = free_port()
    try:
        subprocess.run([initdb, "-D", folder / "data", "-U", "vaelab", "-A", "trust", "--no-sync"], check=True,
                       capture_output=True, cwd="/", **user)  # fmt: skip
        process = subprocess.Popen(
            [server, "-D", folder / "data", "-p", str(port), "-k", folder, "-c", "listen_addresses=127.0.0.1"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/", **user,
        )  # fmt: skip
        try:
            wait_for(port)
            yield f"postgresql://vaelab@127.0.0.1:{port}/postgres"
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _known(account):
    try:
        return pwd.getpwnam(account)
    except KeyError:
        return None


def wait_for(port, seconds=600):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise TimeoutError(f"nobody listens on port {port}")


@contextmanager
def mlflow_server(store: str, artifacts: Path, port: int):
    environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    places = {"postgresql://vaelab@DATABASE/mlflow": store, "s3://BUCKET/vaelab": artifacts, "0.0.0.0": "127.0.0.1"}
    process = subprocess.Popen(
        [sys.executable, "-m", *documented("mlflow server", **places, **{"5000": port})], env=environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        wait_for(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@dataclass
class RayCluster:
    """A head and workers of one core each; `address` is what a sweep is told."""

    address: str
    head: subprocess.Popen
    workers: list[subprocess.Popen]

    def kill(self, n: int) -> dict[int, list[str]]:
        """SIGKILL to a worker and all it began, as when its machine loses power; {process: its command line}."""
        words = {}
        for process in tree(self.workers[n]):
            with suppress(psutil.NoSuchProcess):
                words[process.pid] = process.cmdline()
                process.kill()
        return words


def tree(process: subprocess.Popen) -> list[psutil.Process]:
    """A process and all below it."""
    with suppress(psutil.NoSuchProcess):
        root = psutil.Process(process.pid)
        return [root, *root.children(recursive=True)]
    return []


@contextmanager
def ray_cluster(n_workers: int):
    """What `ray start` makes of this machine: each worker has an address, a core and processes of its own."""
    with ExitStack() as ending:
        folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")  # sockets lie in it: a longer path is refused
        ending.callback(shutil.rmtree, folder, ignore_errors=True)
        port = free_port()

        def start(host, words, *own):
            more = ["--num-gpus=0", "--object-store-memory=80000000", "--include-log-monitor=false",
                    "--dashboard-agent-listen-port=0", "--disable-usage-stats", "--block"]  # fmt: skip
            said = ["timed out during startup"]
            while "timed out during startup" in said[-1]:  # Ray gives a node 30 s: on a busy machine not all begin
                process = subprocess.Popen(
                    [sys.executable, "-m", "ray.scripts.scripts", *words[1:], f"--node-ip-address={host}", *own, *more],
                    env={**os.environ, "PYTHONPATH": str(ROOT), "RAY_worker_niceness": "0"}, cwd="/",
                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                )  # fmt: skip
                ending.callback(_end, process)
                said = []
                for line in process.stdout:
                    said.append(line)
                    if "--block" in line:
                        return process
            raise AssertionError("".join(said))

        words = documented("ray start --head", **{"6379": port})
        head = start("127.0.0.1", words, f"--temp-dir={folder}", "--num-cpus=0", "--include-dashboard=false",
                     f"--ray-client-server-port={free_port()}")  # fmt: skip
        address = f"127.0.0.1:{port}"
        words = documented("ray start --address", **{"HEAD:6379": address})
        workers = [start(f"127.0.0.{2 + n}", words, "--num-cpus=1") for n in range(n_workers)]
        yield RayCluster(address, head, workers)


def _end(process: subprocess.Popen) -> None:
    for one in tree(process):
        with suppress(psutil.NoSuchProcess):
            one.kill()
    process.wait()


SLURM = {
    "sbatch": """
id=$(($(ls jobs | wc -l) + 1)); mkdir jobs/$id
export SLURM_JOB_ID=$id SLURM_NTASKS=1 SLURM_JOB_NUM_NODES=1 SLURM_NODEID=0 SLURM_PROCID=0 SLURM_LOCALID=0
export SLURM_JOB_NODELIST=here
grep '^#SBATCH' "$1" > jobs/$id/asked
cd "$OLDPWD"
setsid bash "$1" < /dev/null > /dev/null 2>&1 &
until kill -0 -$! 2> /dev/null || ! kill -0 $! 2> /dev/null; do sleep 0.01; done  # its group begins with setsid
echo $! > "$here/jobs/$id/group"
echo Submitted batch job $id""",
    "srun": """
cd "$OLDPWD"
while [[ $1 == --* ]]; do case $1 in --output) out=$2; shift;; --error) err=$2; shift;; esac; shift; done
out=${out//%j/$SLURM_JOB_ID}; err=${err//%j/$SLURM_JOB_ID}
exec "$@" >> "${out//%t/0}" 2>> "${err//%t/0}" """,
    "sacct": """
echo 'JobID|State|NodeList'
for id in $(ls jobs); do
    state=RUNNING; kill -0 -$(cat jobs/$id/group) 2> /dev/null || state=NODE_FAIL
    [ -e jobs/$id/cancelled ] && state='CANCELLED by 0'
    echo "$id|$state|here"
done""",
    "scancel": """
touch jobs/$1/cancelled; kill -TERM -$(cat jobs/$1/group)""",
}


def fake_slurm(folder: Path) -> None:
    """The commands of SLURM that submitit calls, in a folder for PATH; allocations are process groups here."""
    (folder / "jobs").mkdir(parents=True)
    for name, script in SLURM.items():
        (folder / name).write_text(f'#!/bin/bash\nhere={folder}; cd "$here"{script}\n')
        (folder / name).chmod(0o755)
