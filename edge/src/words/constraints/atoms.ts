/** Links, addresses, code and quotations in feedback: rules may not cut or change them, so their marks are hidden meanwhile. */

/** A link, an e-mail address, or code without a space: every mark belongs to it. */
const whole = /https?:\/\/[^\s<>"“”]+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+|`[^`\s]{1,120}`/gu;
/** Quotations and longer code: the colon stays in sight, because it can make a role marker. */
const quoted = /"[^"\n]{1,200}"|“[^“”\n]{1,200}”|«[^«»\n]{1,200}»|`[^`\n]{1,200}`/gu;

const marks = ".,;!?:";
/** Private-use characters stand for the marks; U+E000 itself is taken by the rules. */
const hiddenFrom = 0xe010;

/** The text with the marks inside atoms hidden, offsets unchanged; hidden marks of the user's own become spaces. */
export function protect(text: string): string {
  return text
    .replace(/[\ue000-\ue01f]/gu, " ")
    .replace(whole, (atom) => {
      // A full stop after a link ends the sentence.
      const own = atom.startsWith("http") ? atom.replace(/[.,;:!?]+$/u, "") : atom;
      return own.replace(/[.,;!?:]/gu, hide) + atom.slice(own.length);
    })
    .replace(quoted, (atom) => atom.replace(/[.,;!?]/gu, hide));
}

/** The marks back in their places. */
export function restore(text: string): string {
  return text.replace(/[\ue010-\ue015]/gu, (one) => marks.charAt(one.charCodeAt(0) - hiddenFrom));
}

function hide(mark: string): string {
  return String.fromCharCode(hiddenFrom + marks.indexOf(mark));
}
