"""The contender's side of a comparison. Needs the standard library only: it runs in other tools' environments, too."""

import json
import os
import resource
import sys
import time


class Turns:
    """Waits for its turn, works, reports: one JSON line per turn on the standard output, whatever else is printed.

    Args:
        images: images in one turn.
    """

    def __init__(self, images: int):
        self.images, self._out = images, os.fdopen(os.dup(1), "w")
        os.dup2(2, 1)
        self._started = None

    def ready(self, **facts):
        """Tells what must be equal among contenders (parameters, losses), then waits for the first turn."""
        self._say({"facts": facts, "memory_mb": peak_memory_mb()})
        self._wait()

    def next(self):
        """Ends a turn and waits for another one; the process ends where there is none."""
        cpu, wall = self._clocks()
        began = self._started
        per = 1e3 / self.images
        self._say({"cpu_ms": per * (cpu - began[0]), "wall_ms": per * (wall - began[1]), "memory_mb": peak_memory_mb()})
        self._wait()

    def _wait(self):
        if sys.stdin.readline().strip() != "go":
            self._out.close()
            os._exit(0)  # no clean-up of somebody else's threads
        self._started = self._clocks()

    def _say(self, message: dict):
        self._out.write(json.dumps(message) + "\n")
        self._out.flush()

    @staticmethod
    def _clocks():
        used = resource.getrusage(resource.RUSAGE_SELF)
        return used.ru_utime + used.ru_stime, time.perf_counter()


def peak_memory_mb() -> float:
    """Most memory this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def settings() -> dict:
    """The contender's settings, given as one JSON argument."""
    return json.loads(sys.argv[1])
