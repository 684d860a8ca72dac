"""`vaelab explore run=R`: the latent space of a finished run in the browser, served here or as one html file."""

from pathlib import Path

from vaelab.config.plain import plain
from vaelab.jobs import opening
from vaelab.jobs.page import current_page, fingerprint, load_model, require_models
from vaelab.jobs.telling import title
from vaelab.system import address, files, paths
from vaelab.system.streams import output


def run(cfg) -> int:
    """Serves the page until Ctrl-C, or with explore.file=out.html writes it and prints where.

    A run folder's own explorer.html is taken where it shows these weights with these settings: neither Keras nor the
    data are opened then.
    """
    file = None if cfg.explore.file is None else paths.output_file("explore.file", cfg.explore.file, (".html", ".htm"))
    folder, stored = opening.finished_run(cfg)
    require_models(folder, "decoder")
    settings = plain(cfg.explorer)
    bound = None if file else address.listening(cfg.host, cfg.port)  # a port in use is told before anything is loaded
    try:
        if page := current_page(folder, settings):
            return _given(page, file, bound, cfg)
        return _built(folder, stored, file, bound, settings, cfg)
    except KeyboardInterrupt:
        output("")
        return 0
    finally:
        if bound is not None:
            bound.close()


def _given(page: bytes, file: Path | None, bound, cfg) -> int:
    """The page as it is."""
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)
        files.write_bytes(file, page)
        _tell(file)
        return 0
    from vaelab.explorer import server

    application = server.app(page, hosts=server.allowed_hosts(cfg.host))
    server.serve(application, bound, host=cfg.host, open_browser=cfg.open)
    return 0


def _built(folder, stored, file: Path | None, bound, settings: dict, cfg) -> int:
    """The page made anew; a server decodes with Keras."""
    opening.start_backend(stored)
    from vaelab.explorer import build, content, server

    line = content.run_line(folder)
    decoder = load_model(folder)
    _, _, view, _ = opening.open_view(folder, stored, accept_changed_data=cfg.accept_changed_data)
    view.name = title(stored, folder, view.latent_dim)
    if file:
        build.write(file, view, decoder, run_line=line, settings=settings, fingerprint=fingerprint(folder, settings))
        _tell(file)
        return 0
    shown = server.page(view, run_line=line, settings=settings)
    application = server.app(shown, view.decode, view.latent_dim, server.allowed_hosts(cfg.host))
    server.serve(application, bound, host=cfg.host, open_browser=cfg.open)
    return 0


def _tell(file: Path) -> None:
    output(f"{file}  ({file.stat().st_size / 1e6:.1f} MB, opens without network)")
