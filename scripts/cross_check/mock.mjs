// The public mock with the actions it lacks, as small as they can be.
import { CommercetoolsMock } from "@labdigital/commercetools-mock";

const mock = new CommercetoolsMock({ defaultProjectKey: "oneshelf", strict: true });
const entries = mock._repositories["inventory-entry"].actions;
entries.addQuantity = (_context, entry, { quantity }) => {
  entry.quantityOnStock += quantity;
  entry.availableQuantity += quantity;
};
const orders = mock._repositories["order"].actions;
const returned = (order, key) =>
  (order.returnInfo ?? []).flatMap((info) => info.items).filter((item) => !key || item.key === key);
orders.setReturnShipmentState = (_context, order, action) =>
  returned(order, action.returnItemKey).forEach((item) => (item.shipmentState = action.shipmentState));
orders.setReturnPaymentState = (_context, order, action) =>
  returned(order, action.returnItemKey).forEach((item) => (item.paymentState = action.paymentState));

await mock.app.listen({ host: "127.0.0.1", port: 0 });
console.log(`http://127.0.0.1:${mock.app.server.address().port}`);
