"""A run's explorer page: whether the one that lies in its folder is current, and the decoder it is made of."""

import hashlib
import json
import re

from vaelab import __version__
from vaelab.config import words
from vaelab.errors import RunError, first_line


def fingerprint(folder, settings: dict) -> str:
    """sha256 of what a page is made of: the run's configuration, models and checksum of the data, and its settings."""
    digest = hashlib.sha256(__version__.encode())
    shown = {k: v for k, v in settings.items() if k != "enabled"}
    facts = {k: v for k, v in folder.status().items() if k in ("run_name", "chosen", "weights_epoch")}
    data = (folder.status().get("tags") or {}).get("data.checksum")
    digest.update(json.dumps([shown, facts, data], sort_keys=True).encode())
    for path in (folder.model_file("encoder"), folder.model_file("decoder")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def current_page(folder, settings: dict) -> bytes | None:
    """The run's explorer.html where it shows this, with the run as it is named from here; else None."""
    try:
        page = folder.explorer_file.read_bytes()
        wanted = f'<meta name="made-of" content="{fingerprint(folder, settings)}">'.encode()
    except OSError:
        return None
    if wanted not in page[: 1 << 14]:
        return None
    line = json.dumps(words.pasteable(words.setting("run", folder))).replace("<", "\\u003c")
    return re.sub(rb'"run": (?:null|"(?:[^"\\]|\\.)*")', lambda _: f'"run": {line}'.encode(), page, count=1)


def require_models(folder, *which: str) -> None:
    """RunError where the run has not saved these models (encoder, decoder, vae)."""
    for name in which:
        if not folder.model_file(name).is_file():
            raise RunError(f"{folder} has no {name}.h5 (its state is {folder.status().get('state', 'unknown')}).")


def load_model(folder, which: str = "decoder"):
    """One of the run's `.h5` models; RunError where the file is damaged."""
    import keras

    try:
        return keras.models.load_model(folder.model_file(which), compile=False)
    except Exception as error:
        raise RunError(f"{folder.model_file(which)} cannot be read: {first_line(error)}") from None
