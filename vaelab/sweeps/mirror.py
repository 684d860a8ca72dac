"""MLflow told of a sweep's jobs by the process that runs the sweep, from their folders, while they run.

The jobs themselves write files and import no MLflow. What a killed sweep left untold, the same command tells when it is
typed again; so do `vaelab runs sync=true`, `vaelab ui`, and `vaelab resume` of a job.
"""

import logging
import threading

from vaelab.errors import RunError, first_line
from vaelab.records import tracking
from vaelab.records.listing import delivery
from vaelab.records.sweep_folder import SweepFolder
from vaelab.sweeps.job import Job

log = logging.getLogger(__name__)

EVERY = 1.0  # seconds between looks at the folders
PATIENCE = 3.0  # seconds of waiting for the last deliveries before that is said


class Mirror:
    """A thread that keeps MLflow up to date with the folders of a sweep.

    Args:
        sweep: its parent run is made first.
        jobs: all of them; the list may grow.
    """

    def __init__(self, sweep: SweepFolder, jobs: list[Job]):
        self._sweep, self._jobs = sweep, jobs
        self._connection, self._trackers, self._seen = tracking.Connection(), {}, {}
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="MLflow", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Waits until everything known is told, or the store does not answer."""
        self._ending.set()
        self._thread.join(PATIENCE)
        if self._thread.is_alive():
            log.info("MLflow is being told of the last results ...")
            self._thread.join()

    def _run(self) -> None:
        cfg = self._jobs[0].cfg
        tracking.start_sweep(cfg["tracking"], cfg["output_dir"], self._sweep)
        while not self._ending.wait(EVERY):
            self._look()
        self._connection.again_at = 0.0  # once more, whatever happened
        self._look()

    def _look(self) -> None:
        for job in list(self._jobs):
            try:
                self._tell(job)
            except (OSError, RunError) as error:  # a folder that cannot be read is the job's trouble
                log.debug(f"{job.folder} is not told to MLflow: {first_line(error)}")

    def _tell(self, job: Job) -> None:
        """What is new in a job's folder; nothing before its training has begun."""
        status, rows = job.folder.recorded_status(), job.history()
        state, tags = status.get("state"), status.get("tags")
        final = state in tracking.FINAL
        news = (state, len(rows))
        if tags is None or (delivery(status) != "not delivered" if final else self._seen.get(job.number) == news):
            return
        if job.number not in self._trackers:
            self._trackers[job.number] = tracking.Tracker(
                job.cfg["tracking"], output_dir=job.cfg["output_dir"], folder=job.folder, cfg=job.folder.read_config(),
                tags=tags, sweep_dir=self._sweep.path, connection=self._connection,
            )  # fmt: skip
        tracker = self._trackers[job.number]
        if final:
            tracker.finish(state, at_once=False)
        elif rows:
            tracker.log_epochs(rows)
        if tracker.working:
            self._seen[job.number] = news


def untold(job: Job) -> bool:
    """Whether MLflow has to be told of a job that has ended before."""
    return job.cfg["tracking"]["enabled"] and delivery(job.status()) == "not delivered"
