/** A text before and after, word by word; readable without colour and by ear. */
import { diffWordsWithSpace } from "diff";
import { Fragment } from "preact";

export function WordsDiff({ before, after }: { before: string; after: string }) {
  return (
    <p class="diff">
      {diffWordsWithSpace(before, after).map(({ value, added, removed }, index) => {
        if (!added && !removed) return value;
        // The marks leave out the space around a change.
        const [, lead, marked, trail] = /^(\s*)(.*?)(\s*)$/s.exec(value) ?? [];
        return (
          <Fragment key={index}>
            {lead}
            {added ? <ins>{marked}</ins> : <del>{marked}</del>}
            {trail}
          </Fragment>
        );
      })}
    </p>
  );
}
