"""Addresses a command listens at."""

import errno
import socket

from vaelab.errors import ConfigError


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens at host and port (0: a free one).

    Raises:
        ConfigError: no port, one in use or reserved, or a host that is no address of this machine.
    """
    if not 0 <= port <= 65535:
        raise ConfigError(f"port={port}: expected 0 to 65535.")
    host = host.strip("[]")  # as browsers write ::1
    if not host:
        raise ConfigError("host: expected an address of this machine, got none. Use host=127.0.0.1.")
    bound = None
    try:
        bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        bound.listen()
        return bound
    except (OSError, ValueError) as error:  # ValueError: a name that cannot be one
        if bound is not None:
            bound.close()
        raise ConfigError(_why(error, host, port)) from None


def answers(host: str, port: int) -> bool:
    """Whether something takes connections there."""
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


def _why(error: Exception, host: str, port: int) -> str:
    number = getattr(error, "errno", None)
    if number == errno.EADDRINUSE:
        return f"port={port} on {host} is in use by another program. Try port={port + 1 if port < 65535 else 8900}."
    if isinstance(error, socket.gaierror | ValueError) or number in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
        return f"host={host} is no address of this machine. Use host=127.0.0.1."
    if isinstance(error, PermissionError) and port < 1024:
        return f"port={port} on {host} needs rights you do not have: ports below 1024 are reserved. Try port=8900."
    why = getattr(error, "strerror", None) or error
    return f"host={host} port={port} cannot be listened at ({why}). Use host=127.0.0.1 port=8900."
