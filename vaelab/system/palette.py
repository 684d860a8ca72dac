"""The colours of pictures, reports and the explorer's page.

Those of classes stay apart for every eye: under protanopia, deuteranopia and tritanopia as simulated by Machado,
Oliveira & Fernandes (2009), any two of the ten differ by a CIEDE2000 of at least 13 on white and 11 on the explorer's
dark page. They were searched near Okabe & Ito (2008), whose ten come as near as 5.
"""

INK, MUTED, FAINT = "#1f2328", "#5c6370", "#d5d9de"
PALETTE = (
    "#0072B2", "#E69F00", "#3FA371", "#D16011", "#D6AAC6", "#29B8FC", "#604019", "#6B6E4D", "#911856", "#898E90",
)  # fmt: skip
PALETTE_ON_DARK = (
    "#1490E6", "#F1B133", "#1FFFB5", "#F64706", "#FBCCEC", "#0CC4FF", "#9D7854", "#A4A876", "#D15895", "#B9A29F",
)  # fmt: skip
