"""A run's explorer page: made when training ends, whether the one in its folder is current, and its decoder."""

import hashlib
import json
import logging
import re
from typing import Any

from vaelab import __version__
from vaelab.config import words
from vaelab.errors import RunError, VaelabError, first_line
from vaelab.system.printing import NOTE

log = logging.getLogger(__name__)


def write_if_possible(settings: dict, folder, view) -> None:
    """explorer.html of a run; trouble with it is told and never costs the run.

    Args:
        settings: of the group explorer.
    """
    try:
        write_page(folder.explorer_file, folder, view, settings)
    except VaelabError as error:
        log.log(NOTE, f"no explorer.html: {error}")
    except Exception as error:
        log.warning(f"no explorer.html: {type(error).__name__}: {error}")


def write_page(path, folder, view, settings: dict) -> None:
    """The explorer page of a run as one file.

    Args:
        path: the html file.
        view: the run's `LatentView`.
        settings: of the group explorer.

    Raises:
        VaelabError: it cannot be made; the sentence says why.
    """
    from vaelab.explorer import build, content

    build.write(
        path, view, load_model(folder), encoder=load_model(folder, "encoder") if settings["encoder"] else None,
        run_line=content.run_line(folder), settings=settings, fingerprint=fingerprint(folder, settings),
    )  # fmt: skip


def fingerprint(folder, settings: dict) -> str:
    """sha256 of what a page is made of: the run's configuration, models and checksum of the data, and its settings."""
    digest = hashlib.sha256(__version__.encode())
    shown = {k: v for k, v in settings.items() if k != "enabled"}
    facts = {k: v for k, v in folder.status().items() if k in ("run_name", "chosen", "weights_epoch")}
    digest.update(json.dumps([shown, facts, folder.data_checksum], sort_keys=True).encode())
    for path in (folder.model_file("encoder"), folder.model_file("decoder")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def current_page(folder, settings: dict) -> bytes | None:
    """The run's explorer.html where it shows this and is a page of vaelab's, with the run as it is named from here;
    else None.
    """
    from vaelab.explorer import build

    try:
        page = folder.explorer_file.read_bytes()
        wanted = f'<meta name="made-of" content="{fingerprint(folder, settings)}">'.encode()
    except OSError:
        return None
    if wanted not in page[: 1 << 14] or not build.is_own(page):
        return None
    line = json.dumps(words.pasteable(words.setting("run", folder))).replace("<", "\\u003c")
    return re.sub(rb'"run": (?:null|"(?:[^"\\]|\\.)*")', lambda _: f'"run": {line}'.encode(), page, count=1)


def require_models(folder, *which: str) -> None:
    """RunError where the run has not saved these models (encoder, decoder, vae)."""
    for name in which:
        if not folder.model_file(name).is_file():
            raise RunError(f"{folder} has no {name}.h5 (its state is {folder.status().get('state', 'unknown')}).")


def load_model(folder, which: str = "decoder") -> Any:
    """One of the run's `.h5` models, a `keras.Model`; RunError where the file is damaged."""
    import keras

    try:
        return keras.models.load_model(folder.model_file(which), compile=False)
    except Exception as error:
        raise RunError(f"{folder.model_file(which)} cannot be read: {first_line(error)}") from None
