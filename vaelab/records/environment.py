"""What a run ran on: versions, machine, git state."""

import importlib.metadata
import os
import platform
import re
import subprocess
from functools import cache
from pathlib import Path


def text(threads: int, device: str) -> str:
    """environment.txt: Python, machine, device, threads, git, then every installed package."""
    import psutil

    lines = [
        f"python {platform.python_version()}",
        f"platform {platform.platform()}",
        f"processor {_processor()}",
        f"memory {psutil.virtual_memory().total / 2**30:.0f} GiB",
        f"device {device}",
        f"threads {threads}",
        *(f"{k} {v}" for k, v in git().items()),
        "",
        *packages(),
    ]
    return "\n".join(lines) + "\n"


@cache
def packages() -> list[str]:
    """name==version of every installed package; reading them takes half a second."""
    found = {f"{d.metadata['Name']}=={d.version}" for d in importlib.metadata.distributions()}
    return sorted(found, key=str.lower)


def git() -> dict[str, str]:
    """Commit and whether the work tree differs from it, of the working directory; empty outside a checkout."""
    try:
        run = lambda *a: subprocess.run(["git", *a], capture_output=True, text=True, timeout=10, check=True).stdout  # noqa: E731
        return {
            "git.commit": run("rev-parse", "HEAD").strip(),
            "git.dirty": str(bool(run("status", "--porcelain", "--untracked-files=no").strip())).lower(),
        }
    except (OSError, subprocess.SubprocessError):
        return {}


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    text = cpuinfo.read_text(errors="replace") if cpuinfo.is_file() else ""
    found = re.search("^model name.*?:(.*)", text, re.MULTILINE)
    name = found[1].strip() if found else platform.processor() or platform.machine()
    return f"{name} ({os.cpu_count()} cores)"
