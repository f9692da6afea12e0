/** Orders as a file for spreadsheets. */

import { LABEL, summary, type Order } from "../orders";

const HEAD = ["Number", "Placed at", "Status", "Customer", "Items", "Total", "Currency"];
const BOM = "\ufeff"; // without it some programs take UTF-8 for another encoding

export function csvOf(orders: readonly Order[]): string {
  const rows = orders.map((order) => [
    order.orderNumber,
    order.createdAt,
    LABEL[order.status],
    order.user.name,
    summary(order),
    (order.totalCents / 100).toFixed(2),
    order.currency,
  ]);
  return BOM + [HEAD, ...rows].map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
}

/** Quoted; a text that a spreadsheet would take for a formula begins with an apostrophe. */
function cell(text: string): string {
  const plain = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return `"${plain.replaceAll('"', '""')}"`;
}

export function download(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => {
    URL.revokeObjectURL(url);
  }, 1_000);
}
