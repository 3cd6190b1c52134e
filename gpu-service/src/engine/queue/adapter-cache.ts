/** Adapters that came with requests, kept by tenant and digest under a byte budget. It knows no file format. */
import type { AdapterWeights } from "../../language-model.ts";

export class AdapterCache {
  readonly #bytesMax: number;
  /** Oldest use first. */
  readonly #entries = new Map<string, AdapterWeights>();
  #bytes = 0;
  #hits = 0;
  #misses = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get stats() {
    return { adapterBytes: this.#bytes, adapterHits: this.#hits, adapterMisses: this.#misses };
  }

  /** The tenant is part of the key: knowing a digest gives no right to the adapter. */
  get(tenant: string, digest: string): AdapterWeights | undefined {
    const key = keyOf(tenant, digest);
    const adapter = this.#entries.get(key);
    if (adapter === undefined) {
      this.#misses++;
      return undefined;
    }
    this.#hits++;
    this.#entries.delete(key);
    this.#entries.set(key, adapter);
    return adapter;
  }

  /** Adds an adapter. Beyond the budget the ones used longest ago are dropped, never the new one. */
  set(tenant: string, adapter: AdapterWeights): void {
    const key = keyOf(tenant, adapter.digest);
    this.#drop(key);
    this.#entries.set(key, adapter);
    this.#bytes += adapter.B.byteLength;
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= this.#bytesMax || oldest === key) return;
      this.#drop(oldest);
    }
  }

  drop(tenant: string, digest: string): void {
    this.#drop(keyOf(tenant, digest));
  }

  #drop(key: string): void {
    this.#bytes -= this.#entries.get(key)?.B.byteLength ?? 0;
    this.#entries.delete(key);
  }
}

function keyOf(tenant: string, digest: string): string {
  return JSON.stringify([tenant, digest]);
}
