"""Sees what a picture hands to the grid."""


def watched(monkeypatch, module, plot, view, **settings):
    """The blocks `plot` draws."""
    seen = []
    for name in ("grid_figure", "place_grid"):
        if hasattr(module, name):
            original = getattr(module, name)

            def spy(blocks, *args, _original=original, **kwargs):
                seen.append(blocks)
                return _original(blocks, *args, **kwargs)

            monkeypatch.setattr(module, name, spy)
    plot(view, **settings)
    monkeypatch.undo()
    return seen[0]
