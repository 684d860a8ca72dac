"""The machine in a line, and its GPU where there is one."""

import os
import platform
import shutil
import subprocess
from pathlib import Path


def describe() -> str:
    """Processor, cores this process may use, memory, GPU, system."""
    model, flags = platform.processor() or platform.machine(), set()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        lines = dict(line.split(":", 1) for line in info.read_text().splitlines() if ":" in line)
        fields = {k.strip(): v.strip() for k, v in lines.items()}
        model, flags = fields.get("model name", model), set(fields.get("flags", "").split())
    wide = [name for name in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if name in flags]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    parts = [f"{model} ({cores()} cores used, {' '.join(wide) or platform.machine()})", f"{memory:.0f} GB"]
    parts += [gpu] if (gpu := gpu_name()) else []
    return ", ".join([*parts, f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"])


def cores() -> int:
    """Cores this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


def has_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 (without, it is emulated and slow)."""
    info = Path("/proc/cpuinfo")
    return info.is_file() and any(flag in info.read_text() for flag in ("avx512_bf16", "amx_bf16"))


def gpu_name() -> str | None:
    """Name of the first NVIDIA GPU, None where there is none."""
    if not shutil.which("nvidia-smi"):
        return None
    done = subprocess.run(["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"], capture_output=True, text=True)
    return done.stdout.splitlines()[0].strip() if done.returncode == 0 and done.stdout.strip() else None
