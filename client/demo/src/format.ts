/** Money, numbers and times in the languages of the reader; the words around them are English. */

export interface Format {
  readonly money: (cents: number, currency: string) => string;
  readonly number: (value: number) => string;
  /** The time of a moment of today, the day of one before. */
  readonly moment: (iso: string) => string;
  /** The day, the year and the time. */
  readonly full: (iso: string) => string;
  readonly day: (time: number) => string;
  readonly hour: (time: number) => string;
}

/** `languages`: as of navigator.languages. What is no language tag there is passed by: some systems
 * have "en-US@posix", with which Intl throws. */
export function formatFor(languages: readonly string[]): Format {
  const known = languages.filter(isLanguage);
  const dates = (options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat(known, options);
  const time = dates({ hour: "2-digit", minute: "2-digit" });
  const date = dates({ day: "numeric", month: "short" });
  const both = dates({ day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" });
  const numbers = new Intl.NumberFormat(known);
  const currencies = new Map<string, Intl.NumberFormat>();
  return {
    money: (cents, currency) => {
      let made = currencies.get(currency);
      if (made === undefined) {
        made = new Intl.NumberFormat(known, { style: "currency", currency });
        currencies.set(currency, made);
      }
      return made.format(cents / 100);
    },
    number: (value) => numbers.format(value),
    moment: (iso) => {
      const at = new Date(iso);
      return (at.toDateString() === new Date().toDateString() ? time : date).format(at);
    },
    full: (iso) => both.format(new Date(iso)),
    day: (at) => date.format(at),
    hour: (at) => time.format(at),
  };
}

function isLanguage(tag: string): boolean {
  try {
    return Intl.getCanonicalLocales(tag).length === 1;
  } catch {
    return false;
  }
}

export const { money, number, moment, full, day, hour } = formatFor(navigator.languages);
