"""Messages about orders, generated from the domain's values: their fields are these.

Each message says its type and version; `streams.mapping.order_messages` writes them.
"""

import inspect
import re
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import datetime
from functools import cache, reduce
from operator import or_
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from pydantic import AwareDatetime, BaseModel, ConfigDict, RootModel, create_model
from pydantic import Field as Described

from streams.domain import order_answers, order_news, order_notes, reservations

VERSION = 1


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def type_name(value_type: type[Any]) -> str:
    """Name a type of value as its messages do: `OrderPlaced` is `order_placed`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", value_type.__name__).lower()


def _message(value_type: type[Any]) -> type[BaseModel]:
    """Make the message of one kind of value."""
    head: dict[str, Any] = {
        "schema_version": (Literal[1], Described(description="Of this message.")),
        "type": (
            Literal[type_name(value_type)],
            Described(description="What it tells."),
        ),
    }
    return create_model(
        value_type.__name__,
        __base__=_Part,
        __doc__=_summary(value_type),
        **head,
        **_fields(value_type),
    )


def _family(name: str, summary: str, union: Any) -> type[BaseModel]:
    """Make the message of a family of values, told apart by their type."""
    messages = [_message(value_type) for value_type in get_args(union)]
    told_apart = Described(discriminator="type")
    root: Any = (Annotated[reduce(or_, messages), told_apart], ...)
    family = create_model(name, __base__=RootModel, __doc__=summary, root=root)
    head: dict[str, Any] = {
        "schema_version": {"const": VERSION},
        "type": {"enum": [type_name(value_type) for value_type in get_args(union)]},
    }
    family.model_config["json_schema_extra"] = {"type": "object", "properties": head}
    family.wire_version = VERSION  # type: ignore[attr-defined]  # read by schemas.export.
    return family


@cache
def _part(value_type: type[Any]) -> type[BaseModel]:
    return create_model(
        value_type.__name__,
        __base__=_Part,
        __doc__=_summary(value_type),
        **_fields(value_type),
    )


def _fields(value_type: type[Any]) -> dict[str, Any]:
    hints = get_type_hints(value_type)
    said = _attributes(value_type)
    return {
        item.name: (_wire_type(hints[item.name]), _described(item, said))
        for item in fields(value_type)
    }


def _described(item: "Field[Any]", said: dict[str, str]) -> Any:
    default = ... if item.default is MISSING else item.default
    return Described(default, description=said.get(item.name))


def _wire_type(hint: Any) -> Any:
    """Return a type's counterpart on the wire; only what our values use is known."""
    if hint is datetime:
        return AwareDatetime
    if is_dataclass(hint):
        return _part(hint)  # type: ignore[arg-type]  # a class: hints hold no values.
    if get_origin(hint) is tuple:
        return tuple[tuple(map(_wire_type, get_args(hint)))]  # type: ignore[misc]  # known only at run time.
    if get_args(hint):
        return reduce(or_, map(_wire_type, get_args(hint)))
    return hint


def _summary(value_type: type[Any]) -> str:
    return inspect.cleandoc(value_type.__doc__ or "").partition("\n\n")[0]


def _attributes(value_type: type[Any]) -> dict[str, str]:
    """Read what a value's docstring says of its fields."""
    text = inspect.cleandoc(value_type.__doc__ or "").partition("Attributes:\n")[2]
    found = re.findall(r"^    ([\w, ]+): (.*(?:\n {8}.*)*)", text, re.MULTILINE)
    return {
        name: " ".join(said.split())
        for names, said in found
        for name in names.split(", ")
    }


OrderNote = _family(
    "OrderNote",
    """One thing that became known about an order; see the domain's order notes.

    Topic `order-facts`, key order number.
    """,
    order_notes.OrderNote,
)
OrderNews = _family(
    "OrderNews",
    """An order note, or that there may be one to read in commercetools.

    Topic `order-news`, key `ct:` and commercetools' order id, or `ns:` and NewStore's.
    """,
    order_news.OrderNews,
)
OrderAnswer = _family(
    "OrderAnswer",
    """What a vendor answered when something was asked of it for an order.

    Topic `order-answers`, key order number.
    """,
    order_answers.OrderAnswer,
)
ReservationRequest = _message(reservations.ReservationRequest)
ReservationAnswer = _message(reservations.ReservationAnswer)
