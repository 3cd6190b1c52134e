import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { StopStrings } from "../../../gpu-service/src/engine/batch/stop-strings.ts";

describe("StopStrings", () => {
  it("finds a stop string that spans pieces and gives out nothing of it", () => {
    const stops = new StopStrings(["\n\nUser:"]);
    expect(stops.push("Yes.\n")).toEqual({ text: "Yes.", stopped: false });
    expect(stops.push("\nUs")).toEqual({ text: "", stopped: false });
    expect(stops.push("er: more")).toEqual({ text: "\n\n".slice(2), stopped: true });
  });

  it("gives out later what only looked like a stop string", () => {
    const stops = new StopStrings(["END"]);
    expect(stops.push("an E").text).toBe("an ");
    expect(stops.push("Nd").text).toBe("ENd");
    expect(stops.push("E").text).toBe("");
    expect(stops.flush()).toBe("E");
  });

  it("stops at the one of several stop strings that is complete first", () => {
    expect(new StopStrings(["d", "bc"]).push("abcd")).toEqual({ text: "a", stopped: true });
    expect(new StopStrings(["abcd", "c"]).push("abcd")).toEqual({ text: "ab", stopped: true });
    expect(new StopStrings(["c", "bc"]).push("abcd")).toEqual({ text: "a", stopped: true });
  });

  it("cuts any text in any pieces where a search of the whole text would", () => {
    const letters = fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 12 });
    const stop = fc.string({ unit: fc.constantFrom("a", "b"), minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(
        fc.array(letters, { maxLength: 6 }),
        fc.array(stop, { maxLength: 3 }),
        (pieces, stops) => {
          const whole = pieces.join("");
          const cut = stops
            .map((stop) => ({ at: whole.indexOf(stop), length: stop.length }))
            .filter(({ at }) => at >= 0)
            .sort((a, b) => a.at + a.length - (b.at + b.length) || a.at - b.at)[0];
          const expected = cut === undefined ? whole : whole.slice(0, cut.at);

          const matcher = new StopStrings(stops);
          let text = "";
          let stopped = false;
          for (const piece of pieces) {
            const out = matcher.push(piece);
            text += out.text;
            stopped = out.stopped;
            if (stopped) break;
          }
          if (!stopped) text += matcher.flush();
          expect(text).toBe(expected);
          expect(stopped).toBe(cut !== undefined);
        },
      ),
    );
  });
});
