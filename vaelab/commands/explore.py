"""`vaelab explore run=R`: the latent space of a finished run in the browser, served here or as one html file."""

from typing import Any

from vaelab.config.plain import plain
from vaelab.explorer import build, content, server
from vaelab.jobs import opening
from vaelab.jobs.page import current_page, fingerprint, load_model, require_models
from vaelab.system import address, files, paths
from vaelab.system.streams import output


def run(cfg) -> None:
    """Serves the page until Ctrl-C, or with explore.file=out.html writes it and prints where.

    A run folder's own explorer.html is taken where it shows these weights with these settings: neither Keras nor the
    data are opened then.
    """
    file = None if cfg.explore.file is None else paths.output_file("explore.file", cfg.explore.file, (".html", ".htm"))
    folder, stored = opening.finished_run(cfg)
    require_models(folder, "decoder")
    settings = plain(cfg.explorer)
    # a port in use is told before anything is loaded
    bound: Any = None if file else address.listening(cfg.host, cfg.port)
    try:
        page, decoding = current_page(folder, settings), {}
        if page is None:
            view = opening.open_view(folder, stored, accept_changed_data=cfg.accept_changed_data)
            line, decoder = content.run_line(folder), load_model(folder)
            if file:
                made_of = fingerprint(folder, settings)
                build.write(file, view, decoder, run_line=line, settings=settings, fingerprint=made_of)
            else:  # a server decodes with Keras
                page = server.page(view, run_line=line, settings=settings)
                decoding = {"decode": view.decode, "latent_dim": view.latent_dim}
        elif file:
            file.parent.mkdir(parents=True, exist_ok=True)
            files.write_bytes(file, page)
        if file:
            output(f"{file}  ({file.stat().st_size / 1e6:.1f} MB, opens without network)")
        elif page is not None:
            application = server.app(page, **decoding, hosts=server.allowed_hosts(cfg.host))
            server.serve(application, bound, host=cfg.host, open_browser=cfg.open)
    except KeyboardInterrupt:
        output("")
    finally:
        if bound is not None:
            bound.close()
