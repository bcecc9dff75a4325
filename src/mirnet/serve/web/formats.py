"""Formats of results by their media types."""

from urllib.parse import quote

from mirnet.pictures.codec import FORMATS
from mirnet.serve.problems import Problem

MEDIA_TYPES = {name: f"image/{name}" for name in FORMATS}
"""Media type of each format."""


def wanted(format: str | None, accept: str, own: str, able: list[str]) -> str:
    """The format that a client wants.

    Args:
        format: by name, or None.
        accept: header `Accept`.
        own: the format of the original.
        able: formats that can hold the picture.

    Raises:
        Problem: if none is known or fits.

    >>> wanted(None, "image/webp,image/png;q=0.5", "jpeg", ["jpeg", "png", "webp"])
    'webp'
    >>> wanted(None, "*/*", "jpeg", ["jpeg", "png"]), wanted("png", "*/*", "jpeg", ["png"])
    ('jpeg', 'png')
    """
    if format is not None:
        name = {"jpg": "jpeg", "tif": "tiff"}.get(format, format)
        if name not in able:
            known = "is not known" if name not in FORMATS else "cannot hold this picture"
            raise Problem("bad_option", f"format {known}: choose one of {', '.join(able)}")
        return name
    best = own if own in able else able[0]
    ranks: list[tuple[float, int, str]] = []
    for place, part in enumerate(accept.lower().split(",")):
        kind, *parameters = (word.strip() for word in part.split(";"))
        weight = _weight(parameters)
        if kind in ("*/*", "image/*", ""):
            ranks.append((weight - 1e-6, -place, best))
        ranks += [(weight, -place, name) for name in able if MEDIA_TYPES[name] == kind]
    ranks = [rank for rank in ranks if rank[0] > 0]
    if not ranks:
        types = ", ".join(MEDIA_TYPES[name] for name in able)
        raise Problem("not_acceptable", f"the result can be any of {types}: accept one of them")
    return max(ranks)[2]


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0


def disposition(name: str, format: str) -> str:
    """Header `Content-Disposition` for the result of a picture that the client calls so.

    >>> disposition("Straße/Nacht.jpg", "png")
    "attachment; filename*=UTF-8''Nacht_restored.png"
    """
    base = name.replace("\\", "/").rpartition("/")[2]
    stem = base.rpartition(".")[0] or base or "picture"
    clean = "".join(letter for letter in stem if letter.isprintable() and letter not in '"/\\')
    file = f"{clean.strip('. ')[:150] or 'picture'}_restored{FORMATS[format].suffixes[0]}"
    return f"attachment; filename*=UTF-8''{quote(file)}"
