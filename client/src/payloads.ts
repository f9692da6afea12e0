/** The payload of each event of a page's own, by name. `flask ordercast types` writes them:
 * `declare module "@ordercast/client" { interface Payloads { "parcel:moved": ParcelMoved } }` */
// eslint-disable-next-line @typescript-eslint/no-empty-object-type -- extended by declaration
export interface Payloads {}

/** The events that the client sends. A page declares its own, for the stock socket's `emit`, in the
 * same way as the payloads. */
export interface ClientEvents {
  "ordercast:ack": (offset: string, answer?: (answer: { readonly ok: boolean }) => void) => void;
  "auth:refresh": (body: { token: string }, answer: (answer: RefreshAnswer) => void) => void;
}

export type RefreshAnswer =
  | { readonly ok: true; readonly expiresIn: number }
  | { readonly ok: false; readonly error: { readonly code: string; readonly message: string } };
