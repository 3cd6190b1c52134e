/** A text before and after, word by word; readable without colour and by ear. */
import { diffWordsWithSpace } from "diff";

export function WordsDiff({ before, after }: { before: string; after: string }) {
  return (
    <p class="diff">
      {diffWordsWithSpace(before, after).map(({ value, added, removed }, index) => {
        if (added) return <ins key={index}>{value}</ins>;
        if (removed) return <del key={index}>{value}</del>;
        return value;
      })}
    </p>
  );
}
