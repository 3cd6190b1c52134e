/** Python's `strftime` in the C locale, for the dates that templates write. */

const days = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const months = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];

/** In local time. A code unknown to Python's C library stays as written. */
export function strftime(date: Date, format: string): string {
  return format.replace(/%([-_0^]?)([a-zA-Z%])/g, (whole, flag: string, code: string) => {
    const text = codes[code]?.(date);
    return text === undefined ? whole : withFlag(text, flag);
  });
}

/** Flags of the GNU library: without padding, with spaces, with zeros, in capitals. */
function withFlag(text: string, flag: string): string {
  if (flag === "^") return text.toUpperCase();
  const bare = text.replace(/^[0 ]+(?=\d)/, "");
  if (flag === "-") return bare;
  if (flag === "_") return bare.padStart(text.length, " ");
  return flag === "0" ? bare.padStart(text.length, "0") : text;
}

const two = (n: number) => String(n).padStart(2, "0");
const hour12 = (date: Date) => date.getHours() % 12 || 12;

const codes: Record<string, (date: Date) => string> = {
  a: (d) => days[d.getDay()]!.slice(0, 3),
  A: (d) => days[d.getDay()]!,
  b: (d) => months[d.getMonth()]!.slice(0, 3),
  B: (d) => months[d.getMonth()]!,
  c: (d) => strftime(d, "%a %b %e %H:%M:%S %Y"),
  C: (d) => two(Math.floor(d.getFullYear() / 100)),
  d: (d) => two(d.getDate()),
  D: (d) => strftime(d, "%m/%d/%y"),
  e: (d) => String(d.getDate()).padStart(2, " "),
  f: (d) => `${String(d.getMilliseconds()).padStart(3, "0")}000`,
  F: (d) => strftime(d, "%Y-%m-%d"),
  g: (d) => two(isoWeek(d).year % 100),
  G: (d) => String(isoWeek(d).year),
  h: (d) => strftime(d, "%b"),
  H: (d) => two(d.getHours()),
  I: (d) => two(hour12(d)),
  j: (d) => String(dayOfYear(d) + 1).padStart(3, "0"),
  k: (d) => String(d.getHours()).padStart(2, " "),
  l: (d) => String(hour12(d)).padStart(2, " "),
  m: (d) => two(d.getMonth() + 1),
  M: (d) => two(d.getMinutes()),
  n: () => "\n",
  p: (d) => (d.getHours() < 12 ? "AM" : "PM"),
  P: (d) => (d.getHours() < 12 ? "am" : "pm"),
  r: (d) => strftime(d, "%I:%M:%S %p"),
  R: (d) => strftime(d, "%H:%M"),
  s: (d) => String(Math.floor(d.getTime() / 1000)),
  S: (d) => two(d.getSeconds()),
  t: () => "\t",
  T: (d) => strftime(d, "%H:%M:%S"),
  u: (d) => String(d.getDay() || 7),
  U: (d) => two(Math.floor((dayOfYear(d) + 7 - d.getDay()) / 7)),
  V: (d) => two(isoWeek(d).week),
  w: (d) => String(d.getDay()),
  W: (d) => two(Math.floor((dayOfYear(d) + 7 - ((d.getDay() + 6) % 7)) / 7)),
  x: (d) => strftime(d, "%m/%d/%y"),
  X: (d) => strftime(d, "%H:%M:%S"),
  y: (d) => two(d.getFullYear() % 100),
  Y: (d) => String(d.getFullYear()),
  // A date without a time zone writes none.
  z: () => "",
  Z: () => "",
  "%": () => "%",
};

const dayMs = 86_400_000;

function dayOfYear(date: Date): number {
  const day = Date.UTC(date.getFullYear(), date.getMonth(), date.getDate());
  return Math.round((day - Date.UTC(date.getFullYear(), 0, 1)) / dayMs);
}

/** The year and week of the date's Thursday. */
function isoWeek(date: Date): { year: number; week: number } {
  const thursday = new Date(date.getFullYear(), date.getMonth(), date.getDate());
  thursday.setDate(thursday.getDate() + 4 - (date.getDay() || 7));
  return { year: thursday.getFullYear(), week: Math.floor(dayOfYear(thursday) / 7) + 1 };
}
