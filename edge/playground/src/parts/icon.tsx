/** Line icons, drawn on a grid of 20; a text beside each says the same. */
const paths = {
  system: "M3 4h14v9H3zM7 17h6M10 13v4",
  light:
    "M10 6.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7zM10 1.5v2M10 16.5v2M1.5 10h2M16.5 10h2M4 4l1.4 1.4M14.6 14.6 16 16M16 4l-1.4 1.4M5.4 14.6 4 16",
  dark: "M16.5 12.2A7 7 0 0 1 7.8 3.5a7 7 0 1 0 8.7 8.7z",
  exit: "M8 3H4v14h4M9 10h8M14 7l3 3-3 3",
  warning: "M10 3 2.5 16.5h15zM10 8v4M10 14.2v.1",
  right: "M4 10.5 8 14.5 16 5.5",
  wrong: "M5 5l10 10M15 5 5 15",
  say: "M3 4h14v9H9l-4 3.5V13H3z",
  edit: "M3.5 16.5l.8-3.6L13 4.2a1.4 1.4 0 0 1 2 0l.8.8a1.4 1.4 0 0 1 0 2L7.1 15.7z",
  send: "M10 16V4M5 9l5-5 5 5",
  stop: "M5.5 5.5h9v9h-9z",
  fork: "M6 4v12M6 11c0-3 8-2 8-6M14 5V3.5M6 3.5v.5",
  undo: "M7 4 3 8l4 4M3 8h8.5a4.5 4.5 0 0 1 0 9H8",
  download: "M10 3v10M6 9.5l4 4 4-4M4 17h12",
  remove: "M4 6h12M8 6V3.5h4V6M5.5 6l.8 11h7.4l.8-11",
  plus: "M10 4v12M4 10h12",
  copy: "M7 7V3h10v10h-4M3 7h10v10H3z",
  again: "M16 10a6 6 0 1 1-2-4.5M16 3v4h-4",
  list: "M3 5h14M3 10h14M3 15h14",
  next: "M8 4l6 6-6 6",
  back: "M12 4l-6 6 6 6",
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 20 20" width="18" height="18" aria-hidden="true">
      <path d={paths[name]} />
    </svg>
  );
}
