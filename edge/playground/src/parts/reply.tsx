/** A whole reply's text: as it is, or as Markdown where it looks like Markdown. The renderer is loaded only then. */
import { useEffect, useRef, useState } from "preact/hooks";

/** Signs of Markdown. Plain answers, such as lists of numbers, have none of them. */
const looksRich =
  /```|^#{1,6} |\*\*\S|^\s*[-*] \S|^\s*\d+\. \S|^\|.+\|$|\[[^\]]+\]\(\S+\)|`[^`\n]+`/m;

export function Reply({ text }: { text: string }) {
  const box = useRef<HTMLDivElement>(null);
  const [rich, setRich] = useState<DocumentFragment | null>(null);
  const wanted = looksRich.test(text);
  useEffect(() => {
    let isCurrent = true;
    setRich(null);
    if (!wanted) return;
    import("./markdown.ts")
      .then(({ renderMarkdown }) => renderMarkdown(text))
      .then((fragment) => {
        if (isCurrent) setRich(fragment);
      })
      .catch(() => {});
    return () => {
      isCurrent = false;
    };
  }, [text, wanted]);
  useEffect(() => {
    if (rich !== null) box.current?.replaceChildren(rich);
  }, [rich]);
  if (rich === null) return <p class="reply">{text}</p>;
  return <div class="reply rich" ref={box} />;
}
