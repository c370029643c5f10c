"""Malformed files: all problems of a file at once, and nothing of it is sent."""

from collections.abc import Iterable

from tests.bad_input.row import Bad, Kept, Surface

STOCK_HEADER = "sku,location_id,on_hand,as_of\n"
DAY = "2026-03-01T06:00:00Z"


def refused(surface: Surface, name: str, given: str | bytes, *says: str) -> Bad:
    """A file that is refused whole."""
    raw = given.encode() if isinstance(given, str) else given
    lines = "\n".join(("error: Nothing was loaded.", *says, ""))
    kept = Kept.NOT_SENT
    return Bad(name=name, surface=surface, given=raw, says=lines, status=2, kept=kept)


def stock(name: str, given: str | bytes, *says: str) -> Bad:
    """A stock file that is refused whole."""
    return refused(Surface.STOCK, name, given, *(f"stock.csv {each}" for each in says))


STOCK = [
    stock(
        "an empty file",
        "",
        "line 1: the file is empty; begin with sku,location_id,on_hand,as_of.",
    ),
    stock(
        "columns missing",
        f"sku,on_hand\nTEE,{DAY}\n",
        "line 1, column location_id: the column is missing; the columns are "
        "sku,location_id,on_hand,as_of.",
        "line 1, column as_of: the column is missing; the columns are "
        "sku,location_id,on_hand,as_of.",
    ),
    stock(
        "semicolons",
        STOCK_HEADER.replace(",", ";"),
        "line 1, column sku: the column is missing; add it. Columns are separated by "
        "semicolons; save with commas.",
    ),
    stock(
        "UTF-16",
        (STOCK_HEADER + f"TEE,LDN01,1,{DAY}\n").encode("utf-16"),
        "line 1: not UTF-8; save the file as CSV UTF-8.",
    ),
    stock(
        "a NUL character",
        STOCK_HEADER + f"T\0EE,LDN01,1,{DAY}\n",
        "line 2: has a NUL character; save the file as CSV UTF-8.",
    ),
    stock(
        "an open quote",
        STOCK_HEADER + f'"TEE,LDN01,1,{DAY}\n',
        "line 3: not CSV (unexpected end of data); check the quotes.",
    ),
    stock(
        "every line wrong in its own way, behind a byte order mark",
        b"\xef\xbb\xbf"
        + (
            STOCK_HEADER
            + f"TEE,LDN01,x,{DAY}\n"
            + f"TEE,LDN02,-1,{DAY}\n"
            + f"TEE,LDN03,1.5,{DAY}\n"
            + f"TEE,LDN04,1000001,{DAY}\n"
            + "TEE,LDN05,1,2026-03-01\n"
            + "TEE,LDN06,1,yesterday\n"
            + f",LDN07,1,{DAY}\n"
            + f"TEE,LDN|8,1,{DAY}\n"
            + f"TEE,LDN09,1,{DAY}\n"
            + f"TEE,LDN09,2,{DAY}\n"
            + f"TEE,LDN10,1,{DAY},1\n"
        ).encode(),
        *(
            f'line {line}, column on_hand: "{value}" is not a number of units; write '
            "a whole number from 0 to 1,000,000, without separators."
            for line, value in ((2, "x"), (3, "-1"), (4, "1.5"), (5, "1000001"))
        ),
        'line 6, column as_of: "2026-03-01" is not a time with an offset; write it '
        "like 2026-03-01T06:00:00Z.",
        'line 7, column as_of: "yesterday" is not a time with an offset; write it like '
        "2026-03-01T06:00:00Z.",
        "line 8, column sku: the cell is empty; fill it in.",
        'line 9, column location_id: "LDN|8" cannot be a name; write at most 200 '
        "characters, none of them | or a control character.",
        'line 11, column sku: "TEE" at "LDN09" is on line 10 already; keep one of '
        "them.",
        "line 12: has 5 cells, the header has 4; put text with commas in double "
        "quotes.",
    ),
]

PLACES, PRODUCTS = "location_id\nLDN01\n", "sku\nTEE\n"


def reference(
    name: str, *says: str, locations: str | None = PLACES, products: str = PRODUCTS
) -> Bad:
    """A folder of reference data that is refused whole."""
    lines = "\n".join(("error: Nothing was loaded.", *says, ""))
    given = {"locations.csv": locations, "products.csv": products}
    return Bad(
        name=name,
        surface=Surface.REFERENCE,
        given={file: text for file, text in given.items() if text is not None},
        says=lines,
        status=2,
        kept=Kept.NOT_SENT,
    )


REFERENCE = [
    reference(
        "a file missing",
        "reference/locations.csv line 1: the file cannot be read (No such file or "
        "directory); a folder of reference data has locations.csv and products.csv.",
        locations=None,
    ),
    reference(
        "no ids",
        "locations.csv line 1, column location_id: the column is missing; add it.",
        locations="label\nLondon\n",
    ),
    reference(
        "problems in both files",
        'locations.csv line 2, column type: "kiosk" is not one of store, dc, '
        "warehouse, virtual.",
        'locations.csv line 2, column timezone: "Moon/Base" is not a time zone; write '
        "a name such as Europe/London.",
        'products.csv line 3, column sku: "TEE" is in line 2 already (column sku); a '
        "sku stands for one product.",
        locations="location_id,type,timezone\nLDN01,kiosk,Moon/Base\n",
        products="sku\nTEE\nTEE\n",
    ),
    reference(
        "a buffer below nothing",
        'products.csv line 2, column safety_stock: "-1" is not a whole number from 0 '
        "to 1,000,000 units.",
        products="sku,safety_stock\nTEE,-1\n",
    ),
    reference(
        "neither yes nor no",
        'locations.csv line 2, column enabled: "maybe" is neither yes nor no; write '
        "true or false.",
        locations="location_id,enabled\nLDN01,maybe\n",
    ),
    reference(
        "two locations with one channel",
        'locations.csv line 3, column commercetools_channel_key: "ch" is in line 2 '
        "already (column commercetools_channel_key); each location needs a channel of "
        "its own.",
        locations="location_id,commercetools_channel_key\nA,ch\nB,ch\n",
    ),
    reference(
        "a fall-back to nowhere",
        'locations.csv line 2, column fallback_location_id: "B" is not a location_id '
        "of this file; add it or leave the cell empty.",
        locations="location_id,fallback_location_id\nA,B\n",
    ),
]

MAP = "date=Date,time=Time,transaction=Receipt,item=SKU,quantity=Units"
HEADER = "Date,Time,Receipt,SKU,Units\n"
GOOD = "2026-03-01,09:58:11,1,TEE,1\n"


def export(
    name: str,
    given: str | bytes,
    says: str,
    mapping: str = MAP,
    words: Iterable[str] = ("--store", "LDN01"),
) -> Bad:
    """A point-of-sale export that cannot be read at all."""
    return Bad(
        name=name,
        surface=Surface.EXPORT,
        given=given.encode() if isinstance(given, str) else given,
        says=f"error: {says}\n",
        status=2,
        kept=Kept.NOT_SENT,
        options={"words": ("--map", mapping, *words)},
    )


def line_left_out(name: str, line: str, says: str) -> Bad:
    """A line that is listed while the good line before it is kept."""
    return Bad(
        name=name,
        surface=Surface.EXPORT,
        given=(HEADER + GOOD + line).encode(),
        says=f"sales.csv line 3, column {says}\n",
        status=1,
        kept=Kept.OTHERS_KEPT,
        options={"words": ("--map", MAP, "--store", "LDN01", "--out", "kept.jsonl")},
    )


EXPORT = [
    export(
        "a map without items",
        HEADER + GOOD,
        "--map lacks item, transaction; write for example "
        "date=Date,time=Time,transaction=Receipt,item=SKU.",
        mapping="date=Date",
    ),
    export(
        "a map of something unknown",
        HEADER + GOOD,
        "--map has 'price=Price'; write name=column, with a name of date, item, "
        "quantity, store, time, transaction.",
        mapping=f"{MAP},price=Price",
    ),
    export(
        "a column that is not there",
        HEADER + GOOD,
        'Nothing was sent. sales.csv: The file has no column "Datum"; it has Date, '
        "Time, Receipt, SKU, Units; name one of those in --map.",
        mapping=MAP.replace("date=Date", "date=Datum"),
    ),
    export(
        "semicolons",
        HEADER.replace(",", ";"),
        'Nothing was sent. sales.csv: The file has no column "Date"; it has '
        "Date;Time;Receipt;SKU;Units; save it with commas.",
    ),
    export(
        "an empty file",
        "",
        'Nothing was sent. sales.csv: The file has no column "Date"; it has none; '
        "name one of those in --map.",
    ),
    export(
        "Latin-1",
        (HEADER + "2026-03-01,09:58:11,1,Caf\xe9,1\n").encode("latin-1"),
        "Nothing was sent. sales.csv: line 2 is not UTF-8; save the file as CSV UTF-8.",
    ),
    export(
        "an open quote",
        HEADER + GOOD + '2026-03-01,09:58:11,1,"TEE,1\n',
        "Nothing was sent. sales.csv: line 3 is not CSV (unexpected end of data); "
        "check its quotes.",
    ),
    export(
        "an unknown time zone",
        HEADER + GOOD,
        "--timezone 'Moon/Base' is not a time zone; write one like Europe/London.",
        words=("--store", "LDN01", "--timezone", "Moon/Base"),
    ),
    line_left_out(
        "a date the other way round",
        "01/03/2026,09:58:11,1,TEE,1\n",
        'Date: "01/03/2026 09:58:11" is not a time in the format %Y-%m-%d %H:%M:%S.',
    ),
    line_left_out(
        "a return among the sales",
        "2026-03-01,09:59:00,2,TEE,-1\n",
        'Units: "-1" is not a whole number of units from 1 to 1,000; a return is not '
        "a sale.",
    ),
    line_left_out(
        "no transaction",
        "2026-03-01,09:59:00,,TEE,1\n",
        "Receipt: no transaction; fill it in.",
    ),
]
