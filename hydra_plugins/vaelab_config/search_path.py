"""Puts the user's --config-dir before vaelab's own configuration, so that the user's file of the same name wins."""

from hydra.core.config_search_path import ConfigSearchPath
from hydra.plugins.search_path_plugin import SearchPathPlugin

from vaelab.config import locate


class VaelabSearchPath(SearchPathPlugin):
    """Found by Hydra through the `hydra_plugins` namespace."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Prepends each folder, the first given foremost."""
        for folder in reversed(locate.user_dirs()):
            search_path.prepend(provider="vaelab --config-dir", path=f"file://{folder}")
