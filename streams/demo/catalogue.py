"""The demo's shops and goods, as the reference files a retailer would load."""

from dataclasses import dataclass
from pathlib import Path
from random import Random

DC = "DC-MILTON"
SHOPS = {
    "LDN01": "London, Marylebone",
    "BTH01": "Bath, Milsom Street",
    "EDI01": "Edinburgh, Stockbridge",
    "BRI01": "Bristol, Clifton",
}
NEWCOMER = "LAMP-SALT"
NEWCOMER_NAME = "Salt Lamp"

_THINGS = {
    "Tee": "TEE",
    "Overshirt": "OVS",
    "Beanie": "BEA",
    "Tote": "TOT",
    "Apron": "APR",
    "Scarf": "SCF",
    "Blanket": "BLK",
    "Cushion": "CUS",
    "Mug": "MUG",
    "Teapot": "TPT",
    "Candle": "CND",
    "Vase": "VAS",
}
_COLOURS = {
    "Chalk": "CHA",
    "Moss": "MOS",
    "Ink": "INK",
    "Rust": "RUS",
    "Oat": "OAT",
}
RARE_SKUS = ("VAS-INK", "TPT-RUS", "BLK-MOS", "OVS-INK", "SCF-OAT", "VAS-CHA")
"""One piece in each shop, so that a customer and the web shop can want the same."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What is sold: names by SKU, and what is kept back from the web shop."""

    names: dict[str, str]
    safety_stock: dict[str, int]

    @property
    def ordinary(self) -> list[str]:
        """Return the SKUs that every shop has plenty of."""
        return [sku for sku in self.names if sku not in RARE_SKUS]


def catalogue() -> Catalogue:
    """Return the goods of the demo's retailer."""
    names = {
        f"{code}-{colour_code}": f"{thing}, {colour}"
        for thing, code in _THINGS.items()
        for colour, colour_code in _COLOURS.items()
    }
    kept = {sku: 2 for sku in names if sku.startswith(("TEE-", "MUG-"))}
    return Catalogue(names, kept)


def channel_key(location_id: str) -> str:
    """Return the supply channel that stands for a location in commercetools."""
    return f"channel-{location_id.lower()}"


def write_reference(goods: Catalogue, folder: Path, *, newcomer: bool) -> None:
    """Write locations.csv and products.csv; `newcomer` adds the SKU that comes late."""
    folder.mkdir(parents=True, exist_ok=True)
    places = [f"{DC},Milton Keynes DC,dc,{channel_key(DC)}"]
    places += [
        f"{shop},{_quoted(label)},store,{channel_key(shop)}"
        for shop, label in SHOPS.items()
    ]
    header = "location_id,label,type,commercetools_channel_key"
    (folder / "locations.csv").write_text("\n".join([header, *places]) + "\n")
    products = [
        f"{sku},{_quoted(name)},{goods.safety_stock.get(sku, 0)}"
        for sku, name in goods.names.items()
    ]
    if newcomer:
        products.append(f"{NEWCOMER},{NEWCOMER_NAME},0")
    header = "sku,name,safety_stock"
    (folder / "products.csv").write_text("\n".join([header, *products]) + "\n")


def opening_stock(goods: Catalogue, seed: int) -> dict[tuple[str, str], int]:
    """Return what lies on the shelves before the doors open, by SKU and location."""
    random = Random(f"{seed}/opening")
    stock = {(sku, DC): random.randint(40, 120) for sku in goods.names}
    for shop in SHOPS:
        for sku in goods.names:
            if sku in RARE_SKUS:
                stock[sku, shop] = 1
            elif random.random() < 0.6:
                stock[sku, shop] = random.randint(4, 24)
    return stock


def _quoted(text: str) -> str:
    return f'"{text}"'
