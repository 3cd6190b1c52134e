/**
 * Templates against Jinja2 3.1.6, with the sandbox, extensions and filters of `transformers` 5.18. Where Python raises
 * an error, an error is expected here too.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { strftime } from "../../../gpu-service/src/tokenizer/jinja/strftime.ts";
import { Template } from "../../../gpu-service/src/tokenizer/jinja/template.ts";
import { withinTime } from "../../../gpu-service/src/tokenizer/within-time.ts";
import golden from "./fixtures/jinja-golden.json" with { type: "json" };
import dates from "./fixtures/strftime-golden.json" with { type: "json" };

interface Case {
  template: string;
  out?: string;
  error?: string;
}

describe("Template", () => {
  const cases = golden.cases as Case[];

  it.each(cases.filter(({ out }) => out !== undefined))(
    "renders $template",
    ({ template, out }) => {
      expect(new Template(template).render(golden.context)).toBe(out);
    },
  );

  it.each(cases.filter(({ error }) => error !== undefined))("refuses $template", ({ template }) => {
    expect(() => new Template(template).render(golden.context)).toThrow(Error);
  });

  it("has a case for every kind of statement, and some hundreds in all", () => {
    const all = cases.map(({ template }) => template).join("");
    for (const tag of ["if", "for", "set", "macro", "call", "filter", "with", "generation", "raw"])
      expect(all).toContain(`{% ${tag}`);
    expect(cases.length).toBeGreaterThan(400);
  });

  it("says in which line a template cannot be read", () => {
    expect(() => new Template("a\nb {{ ? }}")).toThrow('unexpected "?" (line 2)');
    expect(() => new Template("a\n{{ x")).toThrow("tag is not closed (line 2)");
    expect(() => new Template("{% if x %}")).toThrow("expected {% elif %} or {% else %}");
    expect(() => new Template("{% import 'x' as y %}")).toThrow('the tag "import"');
  });

  it("reads any text as a template or refuses it with an Error, and never hangs", () => {
    const part = fc.oneof(
      fc.constantFrom("{%", "%}", "{{", "}}", "{#", "#}", "-", "+", "|", "(", ")", "[", "]", "'"),
      fc.constantFrom(" if ", " for ", " in ", " set ", "x", "=", "endif", "endfor", ".", ",", "~"),
      fc.constantFrom("1", "messages", "'a'", "|list", "|join", " is defined", "loop", "macro m()"),
      fc.string({ maxLength: 3 }),
    );
    const source = fc.array(part, { maxLength: 25 }).map((parts) => parts.join(""));
    fc.assert(
      fc.property(source, (template) => {
        try {
          withinTime(2000, () => new Template(template).render(golden.context));
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
          expect((error as Error).message).not.toContain("took longer");
        }
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    [
      "nested loops",
      "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    ],
    [
      "a text that doubles",
      "{% set n = namespace(x='aaaa') %}{% for a in range(99) %}{% set n.x = n.x + n.x %}{% endfor %}",
    ],
    [
      "texts that are kept",
      "{% set n = namespace(x=[]) %}{% for a in range(9999) %}{% set n.x = n.x + ['%09d' % a * 99999] %}{% endfor %}",
    ],
    ["padding", "{{ 'a'|center(999999999) }}"],
    ["a power", "{{ 9 ** 99999999 }}"],
    ["endless recursion", "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}"],
    [
      "a list printed in itself",
      "{% set n = namespace(x=[1]) %}{% for a in range(60) %}{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x }}",
    ],
  ])("stops a hostile template within 2 s of processor time: %s", (_, template) => {
    const before = process.threadCpuUsage();
    expect(() => withinTime(1000, () => new Template(template).render({}))).toThrow(Error);
    const { user, system } = process.threadCpuUsage(before);
    expect((user + system) / 1000).toBeLessThan(2000);
  });

  it("runs a computation again where the thread got no processor time", () => {
    let runs = 0;
    const waiting = () => {
      // This takes no processor time, as on a machine whose cores are busy.
      if (++runs === 1) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2_000);
      return "done";
    };
    expect(withinTime(100, waiting)).toBe("done");
    expect(runs).toBe(2);
  });
});

describe("strftime", () => {
  it.each(dates)("writes $date as Python does", ({ date, texts }) => {
    const [year, month, ...rest] = date as [number, number, ...number[]];
    const moment = new Date(year, month, ...rest);
    const own = Object.keys(texts).map((code) => [code, strftime(moment, code)]);
    expect(Object.fromEntries(own)).toEqual(texts);
  });
});
