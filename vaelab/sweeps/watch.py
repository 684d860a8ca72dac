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
            parts = [f"[{over}/{len(self.jobs)}]", f"{_word(job):<8}", job.label]
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

        title = Text(f"sweep {self.title}", style="table.title")  # as it is: [elbo] is no markup
        table = Table(title=title, caption=self._summary(), title_justify="left", caption_justify="left")
        table.add_column("job")
        table.add_column("state", no_wrap=True)
        for name in ("epoch", "elbo", "time", "left"):
            table.add_column(name, justify="right", no_wrap=True)
        rows = sorted(self.jobs, key=lambda job: (ORDER.index(_state(job)), -(job.ended or 0), job.number))
        if everything:
            rows = sorted(self.jobs, key=lambda job: job.number)
        room = len(rows) if everything else max(5, self.console.height - 8)
        evaluation = self._evaluation()
        for job in rows[:room]:
            seconds, going_on, state = job.seconds(), job.state in ("running", "elsewhere"), _state(job)
            doing = Text(job.phase() if state == "running" else _word(job), style=COLOURS[state])
            table.add_row(
                Text(job.label), doing, job.progress() if state != "queued" else "", _elbo(job),
                duration(seconds) if seconds else "", left_in_words(job, evaluation) if going_on else "",
            )  # fmt: skip
        if len(rows) > room:
            table.add_row(f"... and {len(rows) - room} more", "", "", "", "", "")
        return table

    def _summary(self) -> str:
        counts = {s: sum(_state(job) == s for job in self.jobs) for s in ORDER}
        text = ", ".join(f"{n} {WORDS.get(s, s)}" for s, n in counts.items() if n)
        left = self._left()
        return f"{text}; about {duration(left)} left" if left is not None else text

    def _evaluation(self) -> float | None:
        """Seconds that jobs take after their training, in the mean of those that are done."""
        done = [job.evaluation() for job in self.jobs if job.state in ("done", "skipped")]
        took = [seconds for seconds in done if seconds is not None]
        return sum(took) / len(took) if took else None

    def _left(self) -> float | None:
        """Seconds until the end, by each job's pace, else by what others took; None before one has, or beyond that."""
        took = [seconds for job in self.jobs if job.state == "done" and (seconds := job.seconds())]
        unfinished = [job for job in self.jobs if job.open]
        if not took or not unfinished:
            return None
        mean, evaluation = sum(took) / len(took), self._evaluation()
        known = [(left_of(job, evaluation), mean - (job.seconds() or 0.0)) for job in unfinished]
        left = [by_others if own is None else own for own, by_others in known]
        return max(sum(left) / self.n_jobs, max(left)) if min(left) >= 0 else None


def left_of(job: Job, evaluation: float | None) -> float | None:
    """Seconds until a running job ends, below 0 where it takes longer than the others; None where they are not known.

    Args:
        evaluation: seconds that jobs take after their training, or None.
    """
    training = job.training_left()
    if training is None or evaluation is None:
        return None
    return training + evaluation - (0 if training else job.since_training())


def left_in_words(job: Job, evaluation: float | None) -> str:
    """ "~20 s" until a running job ends, "> 20 s" where nobody knows yet how long its evaluation takes, else nothing.

    Args:
        evaluation: seconds that jobs take after their training, or None.
    """
    left = left_of(job, evaluation)
    if left is not None:
        return f"~{duration(left)}" if left >= 1 else ""
    training = job.training_left()
    return f"> {duration(training)}" if training and evaluation is None else ""


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


def _state(job: Job) -> str:
    return "queued" if job.waits else job.state


def _word(job: Job) -> str:
    return WORDS.get(_state(job), _state(job))


def _elbo(job: Job) -> str:
    found = job.elbo()
    if found is None:
        return ""
    name, value = found
    return f"{value:,.2f}" if name.endswith("elbo") else f"{name} {value:,.3g}"
