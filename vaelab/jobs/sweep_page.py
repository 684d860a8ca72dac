"""The members of a sweep as one explorer page."""

import logging

from vaelab.config import words
from vaelab.errors import RunError
from vaelab.jobs import opening
from vaelab.jobs.page import load_model
from vaelab.report import grid as grids
from vaelab.system.printing import NOTE

log = logging.getLogger(__name__)


def page(sweep, *, most: int, opened, accept_changed_data: bool) -> tuple[bytes, list]:
    """(the html, [(label, residual)]) of the finished members along the first thing that was swept.

    Of repetitions the lowest seed is taken, of other things that were swept the values that most members have.

    Args:
        sweep: its `SweepFolder`.
        most: members at most; of more some are left out, evenly.
        opened: function (run folder) -> its configuration, as the command opens it.

    Raises:
        RunError: fewer than two members, members with a condition, or of different data.
    """
    grid = grids.read(sweep)
    lines = sorted(grid.lines().items(), key=lambda item: -len(item[1]))
    if not grid.axes or not lines or len(lines[0][1]) < 2:
        raise RunError(f"{sweep} has fewer than two finished members to put on a slider.")
    others, line = lines[0]
    points = [min(found, key=lambda p: p.seed) for found in line.values()]
    if len(lines) > 1:
        log.log(
            NOTE, f"the members with {grid.described(others, grid.axes[1:])}; {len(lines) - 1} other lines are left out"
        )
    if len(points) > most:
        chosen = [round(k * (len(points) - 1) / (most - 1)) for k in range(most)]
        log.log(NOTE, f"{most} of {len(points)} members (explore.members)")
        points = [points[k] for k in chosen]
    return _page(sweep, grid, points, opened, accept_changed_data)


def _page(sweep, grid, points, opened, accept_changed_data):
    first = points[len(points) // 2]
    checksums = {p.folder.data_checksum for p in points}
    if len(checksums) > 1:
        raise RunError(f"The members of {sweep} were trained on different data: their codes are of different images.")
    if first.folder.read_condition():
        raise RunError(f"The members of {sweep} decode with a condition; vaelab explore run=R shows each of them.")
    view = opening.open_view(first.folder, opened(first.folder), accept_changed_data=accept_changed_data)
    from vaelab.explorer import sweep as explorer

    members = []
    for point in points:
        mean = point.folder.read_codes("test").get("mean")
        if mean is None:
            raise RunError(f"{point.folder} has no codes of its test images: its codes.npz is missing.")
        terms = {name: point.value(f"test/{name}") for name in ("elbo", "rate", "distortion")}
        label = grids.shown(point.setting[grid.x])
        line = words.pasteable(words.setting("run", point.folder))
        numbers = {k: v for k, v in terms.items() if v is not None}
        members.append(explorer.Member(label, line, mean, load_model(point.folder), numbers))
    html, residuals = explorer.page(members, view, title=grid.name, axis=grid.x.rpartition(".")[2])
    return html, list(zip([m.label for m in members], residuals))
