"""What a run is doing, for whoever waits: said, kept in status.json, timed."""

import logging
import time
from contextlib import contextmanager

from vaelab.records.run_folder import RunFolder

log = logging.getLogger(__name__)


class Phases:
    """The phases of a run: training, and what follows it.

    Args:
        folder: the run's; `phase` in its status.json is the current one.

    Attributes:
        seconds: {phase: how long it took}, in order.
    """

    def __init__(self, folder: RunFolder):
        self._folder, self.seconds = folder, {}

    @contextmanager
    def __call__(self, name: str, what=()):
        """Within it the run is in that phase.

        Args:
            name: "training", "saving", "measuring", "drawing", "exploring".
            what: names of what is made, said at its beginning.
        """
        if what:
            log.info(f"{name}: {', '.join(what)}")
        self._folder.update_status(phase=name)
        began = time.monotonic()
        yield
        self.seconds[name] = round(time.monotonic() - began, 2)

    def in_words(self) -> str:
        """ "16 s training, 2 s measuring"."""
        return ", ".join(f"{seconds:.0f} s {name}" for name, seconds in self.seconds.items() if seconds >= 0.5)
