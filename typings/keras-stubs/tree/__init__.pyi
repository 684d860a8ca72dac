"""`keras.tree` for the type checker: trees of tensors or arrays, as deep as what is put in."""

from typing import Any

def __getattr__(name: str) -> Any: ...
