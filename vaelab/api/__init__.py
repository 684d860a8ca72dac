"""vaelab in Python: the commands as functions that return what notebooks want (docs/design.md).

They say what the commands say; a level or a handler that you give the logger `vaelab` beforehand stays in charge of it.
"""

from vaelab.system import printing

printing.install()
