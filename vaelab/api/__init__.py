"""vaelab in Python: the commands as functions that return what notebooks want (docs/design.md)."""
