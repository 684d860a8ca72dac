"""The colours of pictures and reports; the explorer's page has the same, its black and grey fitted to its themes."""

INK, MUTED, FAINT = "#1f2328", "#5c6370", "#d5d9de"
# Okabe & Ito (2008) in an order that keeps neighbours far apart, then two that differ from them in lightness.
PALETTE = (
    "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#000000", "#D9C400", "#882255", "#9A9A9A",
)  # fmt: skip
