/** Each file of the operations can be imported alone, and no table of rules may be incomplete. */
import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { expect, it } from "vitest";
import type { Primitive } from "../../../gpu-service/src/compiler/ir/types.ts";
import type { EmissionOf, ProductsOf } from "../../../gpu-service/src/compiler/ops/rules.ts";
import { emissionRules, productRules } from "../../../gpu-service/src/compiler/ops/tables.ts";

const folder = new URL("../../../gpu-service/src/compiler/ops/", import.meta.url);

it.each(readdirSync(folder))("imports %s first, in a process of its own", (file) => {
  const script = `console.log(Object.keys(await import(${JSON.stringify(new URL(file, folder).href)})).join())`;
  const output = execFileSync(process.execPath, ["--input-type=module", "-e", script], {
    encoding: "utf8",
  });
  // rules.ts has types only.
  expect(output.trim() === "").toBe(file === "rules.ts");
});

it("has the same primitives in every table", () => {
  expect(Object.keys(productRules).sort()).toEqual(Object.keys(emissionRules).sort());
});

it("refuses an incomplete table when types are checked", () => {
  const { add, ...rest } = emissionRules;
  // @ts-expect-error `add` is missing
  const emission: EmissionOf<Primitive> = rest;
  const { add: product, ...others } = productRules;
  // @ts-expect-error `add` is missing
  const products: ProductsOf<Primitive> = others;
  expect({ ...emission, add, product }).toHaveProperty("add");
  expect(products).not.toHaveProperty("add");
});
