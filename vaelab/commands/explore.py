"""`vaelab explore run=R`: the latent space of a finished run in the browser, served here or as one html file; of a
sweep's members with sweep=S."""

from contextlib import contextmanager
from typing import Any

from omegaconf import OmegaConf

from vaelab.config.plain import plain
from vaelab.errors import ConfigError
from vaelab.explorer import content, server
from vaelab.jobs import opening
from vaelab.jobs.page import current_page, require_models, write_page
from vaelab.records.sweep_folder import find_sweep
from vaelab.system import address, files, paths
from vaelab.system.streams import output


def run(cfg) -> None:
    """Serves the page until Ctrl-C, or with explore.file=out.html writes it and prints where.

    A run folder's own explorer.html is taken where it shows these weights with these settings: neither Keras nor the
    data are opened then.
    """
    file = None if cfg.explore.file is None else paths.output_file("explore.file", cfg.explore.file, (".html", ".htm"))
    if cfg.of.sweep:
        if cfg.run:
            raise ConfigError("run and sweep were both given: explore one run, or the members of one sweep.")
        return _sweep(cfg, file)
    folder, stored = opening.finished_run(cfg)
    settings = plain(cfg.explorer)
    require_models(folder, "decoder", *(["encoder"] if settings["encoder"] else []))
    with _place(cfg, file) as show:
        page, computing = current_page(folder, settings), {}
        if page is None:
            view = opening.open_view(folder, stored, accept_changed_data=cfg.accept_changed_data)
            if file:
                write_page(file, folder, view, settings)
            else:  # a server computes with Keras
                page = server.page(view, run_line=content.run_line(folder), settings=settings)
                computing = {"functions": server.functions(view, settings)}
        show(page, computing=computing)


def _sweep(cfg, file) -> None:
    """Writes or serves the page of a sweep's members; tells how well their latents are aligned."""
    from vaelab.jobs import sweep_page

    def opened(folder):
        one = OmegaConf.merge(cfg, {"run": str(folder)})
        return opening.finished_run(one)[1]

    sweep = find_sweep(str(cfg.of.sweep), cfg.output_dir)
    with _place(cfg, file) as show:
        page, residuals = sweep_page.page(
            sweep, most=cfg.explore.members, opened=opened, accept_changed_data=cfg.accept_changed_data
        )
        told = ", ".join(f"{label} {residual:.0%}" for label, residual in residuals[1:])
        output(f"variance that the matched latents of the member before do not explain: {told}")
        show(page, f"{len(residuals)} members, ")


@contextmanager
def _place(cfg, file):
    """function (page, words="", computing=None) that writes a page to a file, or serves it until Ctrl-C. A port in use
    is told before anything is loaded. A page of None lies in the file already."""
    bound: Any = None if file else address.listening(cfg.host, cfg.port)

    def show(page: bytes | None, words: str = "", computing: dict | None = None) -> None:
        if page is not None and file:
            file.parent.mkdir(parents=True, exist_ok=True)
            files.write_bytes(file, page)
        if file:
            output(f"{file}  ({file.stat().st_size / 1e6:.1f} MB, {words}opens without network)")
        elif page is not None:
            application = server.app(page, **(computing or {}), hosts=server.allowed_hosts(cfg.host))
            server.serve(application, bound, host=cfg.host, open_browser=cfg.open)

    try:
        yield show
    except KeyboardInterrupt:
        output("")
    finally:
        if bound is not None:
            bound.close()
