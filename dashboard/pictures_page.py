"""Some pictures of each class of a data set as a self-contained page, which needs neither a network nor a server."""

from base64 import b64encode
from html import escape

from nas.exports.inspection import ClassInspection, Inspection, skipped_text

STYLE = """
body { font-family: system-ui, sans-serif; margin: 2rem; color: #1c2733; background: #fff; }
h2 { font-size: 1.1rem; margin: 1.5rem 0 0.25rem; }
p { margin: 0.25rem 0; color: #44525f; }
img { width: 96px; height: 96px; margin: 0.25rem 0.25rem 0 0; }
"""


def render(inspection: Inspection) -> str:
    """Render an HTML page with the pictures inside."""
    title = escape(f"{inspection.dataset}: pictures by class")
    sections = "\n".join(_section(entry) for entry in inspection.classes)
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>\n'
        f"<style>{STYLE}</style></head>\n<body><h1>{title}</h1>\n<p>{escape(inspection.message)}</p>\n"
        f"{sections}\n</body></html>\n"
    )


def _section(entry: ClassInspection) -> str:
    name = escape(entry.name)
    counts = [f"{count:,} {part}" for part, count in entry.pictures.items()]
    sizes = " to ".join(dict.fromkeys(f"{width_px}x{height_px}" for width_px, height_px in entry.sizes[::2]))
    facts = [", ".join(counts), f"{sizes} px" if sizes else "", ", ".join(entry.modes), skipped_text(entry.skipped)]
    if entry.skipped:
        facts[-1] = f"skipped: {facts[-1]}"
    images = "\n".join(
        f'<img src="data:image/png;base64,{b64encode(file).decode()}" alt="{name}, picture {number}">'
        for number, file in enumerate(entry.thumbnails, start=1)
    )
    return f"<section><h2>{name}</h2>\n<p>{escape('; '.join(filter(None, facts)))}</p>\n{images}</section>"
