"""`vaelab explore run=R`: the latent space of a finished run in the browser, served here or as one html file."""

from pathlib import Path

from omegaconf import OmegaConf

from vaelab.commands import opening
from vaelab.commands.train import title
from vaelab.errors import ConfigError, RunError


def run(cfg) -> int:
    """Serves the page until Ctrl-C, or with explore.file=out.html writes it and prints where."""
    file = cfg.explore.file and Path(cfg.explore.file).expanduser()
    if file and file.is_dir():
        raise ConfigError(f"explore.file={file} is a folder. Name an html file: explore.file={file}/out.html")
    folder, stored = opening.finished_run(cfg)
    if not folder.model_file("decoder").is_file():
        state = folder.status().get("state", "unknown")
        raise RunError(f"{folder} has no decoder.h5 (its state is {state}): nothing to explore yet.")
    from vaelab.explorer import build, content, server

    settings = OmegaConf.to_container(cfg.explorer, resolve=True)
    line = content.run_line(folder)
    bound = None if file else server.listening(cfg.host, cfg.port)  # a port in use is told before anything is loaded
    opening.start_backend(stored)
    decoder = load_decoder(folder)
    _, _, view, _ = opening.open_view(folder, stored, accept_changed_data=cfg.accept_changed_data)
    view.name = title(stored, folder, view.latent_dim)
    if file:
        build.write(file, view, decoder, run_line=line, settings=settings)
        print(f"{file}  ({file.stat().st_size / 1e6:.1f} MB, opens without network)")
        return 0
    try:
        server.serve(view, bound, run_line=line, settings=settings, host=cfg.host, open_browser=cfg.open)
    except KeyboardInterrupt:
        print()
    finally:
        bound.close()
    return 0


def load_decoder(folder):
    """The decoder of decoder.h5; RunError where the file is damaged."""
    import keras

    try:
        return keras.models.load_model(folder.model_file("decoder"), compile=False)
    except Exception as error:
        first = (str(error) or type(error).__name__).splitlines()[0]
        raise RunError(f"{folder.model_file('decoder')} cannot be read: {first}") from None
