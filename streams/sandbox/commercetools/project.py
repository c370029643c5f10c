"""The collections of one project, and how they know of each other."""

from streams.sandbox.commercetools.carts import Carts
from streams.sandbox.commercetools.channels import Channels
from streams.sandbox.commercetools.custom import Types
from streams.sandbox.commercetools.customers import Customers
from streams.sandbox.commercetools.inventory import Inventory
from streams.sandbox.commercetools.landings import Landings
from streams.sandbox.commercetools.orders.book import Orders
from streams.sandbox.commercetools.payments import Payments
from streams.sandbox.commercetools.states import States


class Project:
    """Every resource that other resources may refer to."""

    def __init__(self, landings: Landings, at: str) -> None:
        self.landings = landings
        self.types = Types()
        self.channels = Channels()
        self.states = States(at)
        self.inventory = Inventory(self.channels, self.types)
        self.payments = Payments()
        self.customers = Customers()
        self.carts = Carts()
        self.orders = Orders()
