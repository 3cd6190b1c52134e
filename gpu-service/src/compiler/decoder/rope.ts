/** Tables of rotary position embeddings, with the checkpoint's scaling. */
import type { Rope, RopeScaling } from "../../checkpoint/decoder-config.ts";

/** cos and sin [positions, headSize/2], row-major. */
export interface RopeTables {
  cos: Float32Array;
  sin: Float32Array;
}

/** The settings that angles depend on; a `ModelConfig` has them. */
interface Rotation {
  headSize: number;
  /** Numbers of a head that are rotated. */
  rotarySize: number;
  rope: Rope;
}

export function ropeTables(rotation: Rotation, positions: number): RopeTables {
  const frequencies = ropeFrequencies(rotation);
  const factor = attentionFactor(rotation.rope.scaling);
  const { cos, sin } = unrotatedTables(rotation.headSize, positions);
  const half = rotation.headSize / 2;
  for (let position = 0; position < positions; position++) {
    for (let i = 0; i < frequencies.length; i++) {
      // transformers computes the angle in f32; more precision here would disagree at long positions.
      const angle = Math.fround(position * Math.fround(frequencies[i]!));
      cos[position * half + i] = factor * Math.cos(angle);
      sin[position * half + i] = factor * Math.sin(angle);
    }
  }
  return { cos, sin };
}

/** Tables of angle 0: unrotated layers share the graphs of rotated ones. */
export function unrotatedTables(headSize: number, positions: number): RopeTables {
  const length = (positions * headSize) / 2;
  return { cos: new Float32Array(length).fill(1), sin: new Float32Array(length) };
}

/** The factor of yarn and longrope on queries and keys. */
function attentionFactor(scaling: RopeScaling | null): number {
  return scaling !== null && "attentionFactor" in scaling ? scaling.attentionFactor : 1;
}

const round = Math.fround;

/**
 * Angle per position of each pair. Every step is rounded to f32 as in transformers, which divides by a tensor as a
 * product with its reciprocal: the last bit of a frequency is multiplied by the position.
 */
function ropeFrequencies({ rotarySize: size, rope }: Rotation): number[] {
  const powers = Array.from({ length: size / 2 }, (_, i) =>
    round(rope.theta ** round((2 * i) / size)),
  );
  const plain = powers.map((power) => round(1 / power));
  const { scaling } = rope;
  switch (scaling?.type) {
    case undefined:
      return plain;
    case "linear":
      return plain.map((frequency) => round(frequency / scaling.factor));
    case "longrope":
      return powers.map((power, i) => round(1 / round(round(scaling.divisors[i]!) * power)));
    case "yarn":
      return yarnFrequencies(powers, size, rope.theta, scaling);
    case "llama3":
      return plain.map((frequency) => llama3Frequency(frequency, scaling));
  }
}

/** Llama 3's scaling stretches slow frequencies and blends between slow and fast. */
function llama3Frequency(
  frequency: number,
  {
    factor,
    lowFreqFactor,
    highFreqFactor,
    originalContextLength,
  }: Extract<RopeScaling, { type: "llama3" }>,
): number {
  const wavelength = round(round(1 / frequency) * round(2 * Math.PI));
  if (wavelength < originalContextLength / highFreqFactor) return frequency;
  if (wavelength > originalContextLength / lowFreqFactor) return round(frequency / factor);
  const turns = round(round(1 / wavelength) * originalContextLength);
  const blend = round(round(turns - lowFreqFactor) / (highFreqFactor - lowFreqFactor));
  const slow = round(round(round(1 - blend) * frequency) / factor);
  return round(slow + round(blend * frequency));
}

/** Between two pairs, frequencies change gradually from plain (fast) to stretched (slow). */
function yarnFrequencies(
  powers: readonly number[],
  size: number,
  theta: number,
  scaling: Extract<RopeScaling, { type: "yarn" }>,
): number[] {
  const { factor, betaFast, betaSlow, originalContextLength, truncate } = scaling;
  /** The pair that turns this many times within the original context. */
  const pairOf = (turns: number) =>
    (size * Math.log(originalContextLength / (turns * 2 * Math.PI))) / (2 * Math.log(theta));
  const [first, last] = [pairOf(betaFast), pairOf(betaSlow)];
  const low = Math.max(truncate ? Math.floor(first) : first, 0);
  let high = Math.min(truncate ? Math.ceil(last) : last, size - 1);
  if (low === high) high += 0.001;
  return powers.map((power, i) => {
    const ramp = Math.min(Math.max(round(round(i - low) / round(high - low)), 0), 1);
    const kept = round(1 - ramp);
    const stretched = round(1 / round(factor * power));
    return round(round(stretched * round(1 - kept)) + round(round(1 / power) * kept));
  });
}
