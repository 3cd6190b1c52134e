/** Tables of rotary position embeddings, in the checkpoint's own scaling. */
import type { Rope } from "../../checkpoint/rope-config.ts";

/** cos and sin [positions, headSize/2], row-major. */
export interface RopeTables {
  cos: Float32Array;
  sin: Float32Array;
}

/** What angles depend on; a `ModelConfig` is one. */
interface Rotation {
  headSize: number;
  rope: Rope;
}

export function ropeTables(rotation: Rotation, positions: number): RopeTables {
  const frequencies = ropeFrequencies(rotation);
  const half = frequencies.length;
  const cos = new Float32Array(positions * half);
  const sin = new Float32Array(positions * half);
  for (let position = 0; position < positions; position++) {
    for (let i = 0; i < half; i++) {
      // transformers computes the angle in f32; more precision here would disagree at long positions.
      const angle = Math.fround(position * Math.fround(frequencies[i]!));
      cos[position * half + i] = Math.cos(angle);
      sin[position * half + i] = Math.sin(angle);
    }
  }
  return { cos, sin };
}

/** Tables of angle 0: layers without positions turn nothing and share the other layers' graphs. */
export function unrotatedTables(headSize: number, positions: number): RopeTables {
  const length = (positions * headSize) / 2;
  return { cos: new Float32Array(length).fill(1), sin: new Float32Array(length) };
}

/**
 * Angle per position of each pair; linear scaling divides all, llama3 scaling stretches the slow ones and blends
 * in between. Every step is rounded to f32 as in transformers (which divides by a tensor as a product with its reciprocal): the last bit
 * of a frequency is multiplied by the position.
 */
function ropeFrequencies({ headSize, rope }: Rotation): number[] {
  const round = Math.fround;
  const plain = Array.from({ length: headSize / 2 }, (_, i) =>
    round(1 / round(rope.theta ** round((2 * i) / headSize))),
  );
  const { scaling } = rope;
  if (!scaling) return plain;
  if (scaling.type === "linear") return plain.map((frequency) => round(frequency / scaling.factor));
  const { factor, lowFreqFactor, highFreqFactor, originalContextLength } = scaling;
  return plain.map((frequency) => {
    const wavelength = round(round(1 / frequency) * round(2 * Math.PI));
    if (wavelength < originalContextLength / highFreqFactor) return frequency;
    if (wavelength > originalContextLength / lowFreqFactor) return round(frequency / factor);
    const turns = round(round(1 / wavelength) * originalContextLength);
    const blend = round(round(turns - lowFreqFactor) / (highFreqFactor - lowFreqFactor));
    const slow = round(round(round(1 - blend) * frequency) / factor);
    return round(slow + round(blend * frequency));
  });
}
