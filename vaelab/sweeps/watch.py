"""What a sweep shows while it runs: a live table on a terminal, a line per change elsewhere; failures at the end."""

import logging
import time

from vaelab.sweeps.job import Job

log = logging.getLogger(__name__)

ORDER = ("running", "elsewhere", "failed", "stopped", "done", "skipped", "queued")
COLOURS = {"running": "cyan", "elsewhere": "cyan", "failed": "red", "stopped": "yellow", "done": "green",
           "skipped": "green", "queued": "dim"}  # fmt: skip
WORDS = {"elsewhere": "running elsewhere", "skipped": "done before"}


class Watch:
    """Shows the jobs of one launch.

    Args:
        jobs: all of them.
        title: name of the sweep.
        n_jobs: how many run at once.
        shown: whether anything is shown at all.
    """

    def __init__(self, jobs: list[Job], *, title: str, n_jobs: int, shown: bool = True):
        self.jobs, self.title, self.n_jobs, self.shown = jobs, title, n_jobs, shown
        self.live, self._drawn = None, 0.0

    def __enter__(self):
        from rich.console import Console

        self.console = Console(stderr=False)
        if self.shown and self.console.is_terminal:
            from rich.live import Live

            self.live = Live(self._table(), console=self.console, auto_refresh=False, vertical_overflow="crop")
            self.live.start()
        return self

    def __exit__(self, *error):
        if self.live:
            self.live.update(self._table(everything=True), refresh=True)
            self.live.stop()

    def changed(self, job: Job) -> None:
        """A job's state is another one now."""
        if self.live:
            self.refresh(now=True)
        elif self.shown:
            over = sum(not j.open for j in self.jobs)
            seconds = job.seconds() if not job.open else None
            parts = [f"[{over}/{len(self.jobs)}]", f"{WORDS.get(job.state, job.state):<8}", job.label]
            parts += [
                f"elbo {_elbo(job)}" if _elbo(job) else "",
                duration(seconds) if seconds else "",
                job.message or "",
            ]
            log.info("  ".join(p for p in parts if p))

    def refresh(self, now: bool = False) -> None:
        """Draws the table again, twice a second at most."""
        if self.live and (now or time.monotonic() - self._drawn > 0.5):
            self._drawn = time.monotonic()
            self.live.update(self._table(), refresh=True)

    def _table(self, everything: bool = False):
        from rich.table import Table
        from rich.text import Text

        table = Table(
            title=f"sweep {self.title}", caption=self._summary(), title_justify="left", caption_justify="left"
        )
        for name, side in (("job", "left"), ("state", "left"), ("epoch", "right"), ("elbo", "right"), ("time", "right"),
                           ("left", "right")):  # fmt: skip
            table.add_column(name, justify=side, no_wrap=name != "job")
        rows = sorted(self.jobs, key=lambda job: (ORDER.index(job.state), -(job.ended or 0), job.number))
        if everything:
            rows = sorted(self.jobs, key=lambda job: job.number)
        room = len(rows) if everything else max(5, self.console.height - 8)
        for job in rows[:room]:
            seconds, remaining = job.seconds(), job.remaining() if job.state in ("running", "elsewhere") else None
            state = Text(WORDS.get(job.state, job.state), style=COLOURS[job.state])
            table.add_row(
                job.label, state, job.progress() if job.state != "queued" else "", _elbo(job),
                duration(seconds) if seconds else "", f"~{duration(remaining)}" if remaining is not None else "",
            )  # fmt: skip
        if len(rows) > room:
            table.add_row(f"... and {len(rows) - room} more", "", "", "", "", "")
        return table

    def _summary(self) -> str:
        counts = {s: sum(job.state == s for job in self.jobs) for s in ORDER}
        text = ", ".join(f"{n} {WORDS.get(s, s)}" for s, n in counts.items() if n)
        left = self._left()
        return f"{text}; about {duration(left)} left" if left else text

    def _left(self) -> float | None:
        """Seconds until the end, from what finished jobs took."""
        took = [job.seconds() for job in self.jobs if job.state == "done" and job.started]
        if not took or not any(job.open for job in self.jobs):
            return None
        mean = sum(took) / len(took)
        work = sum(max(0.0, mean - (job.seconds() or 0)) for job in self.jobs if job.open)
        return work / self.n_jobs


def failures(jobs: list[Job], n_lines: int = 5) -> str:
    """What went wrong: each failed job with its reason and the last lines of its log."""
    parts = []
    for job in jobs:
        if job.state == "failed":
            parts += [f"failed: {job.label}: {job.message}", f"  log: {job.folder}/{job.folder.job_log.name}"]
            parts += [f"    {line[:200]}" for line in job.log_tail(n_lines)]
    return "\n".join(parts)


def duration(seconds: float) -> str:
    """ "42 s", "3:05 min", "2:10 h"."""
    seconds = max(0, int(seconds))
    if seconds < 60:
        return f"{seconds} s"
    minutes, seconds = divmod(seconds, 60)
    return f"{minutes}:{seconds:02d} min" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02d} h"


def _elbo(job: Job) -> str:
    found = job.elbo()
    if found is None:
        return ""
    name, value = found
    return f"{value:,.2f}" if name.endswith("elbo") else f"{name} {value:,.3g}"
