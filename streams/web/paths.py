"""Names in request paths: SKUs and locations may hold any character, also a slash.

Servers hand over paths already decoded, where `A%2FB` and `A/B` look the same. So the
pages that carry names are matched on the raw path and decoded here, segment by segment.
"""

from urllib.parse import quote, unquote_to_bytes

from streams.web.replies import Problem

AVAILABILITY = b"/v1/availability/"
LOOKUP_ROUTES = ("", "/v1/availability/{sku}", "/v1/availability/{sku}/{location_id}")
"""Route templates by how many names a look-up has."""
LEDGER = b"/v1/ledger/"
ORDERS = b"/v1/orders/"


def carries_names(raw_path: bytes) -> bool:
    """Say whether a path holds names, which only its raw form keeps apart."""
    return raw_path.startswith((AVAILABILITY, LEDGER, ORDERS))


def name_of(segment: str, field: str) -> str:
    """Decode a still encoded path segment; raises a 404 problem for broken UTF-8."""
    try:
        name = unquote_to_bytes(segment).decode("utf-8")
    except UnicodeDecodeError:
        raise Problem(
            404,
            f"{field}-unreadable".replace("_", "-"),
            title="The path is not UTF-8",
            detail=f"The {field} in the path is not percent-encoded UTF-8.",
            field=field,
            value=segment,
            remedy="percent-encode the UTF-8 bytes of the name",
        ) from None
    return name


def names_of(target: bytes) -> list[str] | None:
    """Decode the one or two names behind `AVAILABILITY`; None where there are not."""
    path, _, _ = target.partition(b"?")
    segments = path[len(AVAILABILITY) :].split(b"/")
    if len(segments) > 2 or b"" in segments or b"#" in path or not path.isascii():
        return None
    try:
        if b"%" in path:
            segments = [unquote_to_bytes(segment) for segment in segments]
        return [segment.decode("utf-8") for segment in segments]
    except UnicodeDecodeError:
        return None


def path_to(prefix: bytes, *names: str) -> bytes:
    """Build the path of names, so that no server or proxy on the way can rewrite it."""
    encoded = (quote(name, safe="").replace(".", "%2E") for name in names)
    return prefix + "/".join(encoded).encode()
