/** The platform's regions on the globe, and the one nearest to a caller. It knows no deployment. */
import { type Region, regions } from "./contract/sets.ts";

interface Point {
  /** Degrees; north and east are positive. */
  latitude: number;
  longitude: number;
}

/** A place in the middle of each region's data centres. */
const centres: Record<Region, Point> = {
  wnam: { latitude: 37.4, longitude: -121.9 },
  enam: { latitude: 39.0, longitude: -77.5 },
  sam: { latitude: -23.5, longitude: -46.6 },
  weur: { latitude: 50.1, longitude: 8.7 },
  eeur: { latitude: 52.2, longitude: 21.0 },
  apac: { latitude: 22.3, longitude: 114.2 },
  oc: { latitude: -33.9, longitude: 151.2 },
  afr: { latitude: -26.2, longitude: 28.0 },
  me: { latitude: 25.2, longitude: 55.3 },
};

/** For callers of whom the platform knows only the continent. */
const byContinent: Record<string, Region> = {
  NA: "enam",
  SA: "sam",
  EU: "weur",
  AS: "apac",
  OC: "oc",
  AF: "afr",
};

/** The region nearest to a request's origin according to the platform's `request.cf`; null if it is unknown. */
export function regionOfCaller(cf: unknown): Region | null {
  const { latitude, longitude, continent } = (cf ?? {}) as Record<string, unknown>;
  const here = { latitude: Number(latitude), longitude: Number(longitude) };
  if (typeof latitude === "string" && Number.isFinite(here.latitude + here.longitude)) {
    return regions.reduce((best, one) =>
      angle(here, centres[one]) < angle(here, centres[best]) ? one : best,
    );
  }
  return byContinent[String(continent)] ?? null;
}

/** Distance of two regions as an angle (radians) at the centre of the globe. */
export function distance(a: Region, b: Region): number {
  return angle(centres[a], centres[b]);
}

function angle(a: Point, b: Point): number {
  const rad = Math.PI / 180;
  const [latA, latB] = [a.latitude * rad, b.latitude * rad];
  const cosine =
    Math.sin(latA) * Math.sin(latB) +
    Math.cos(latA) * Math.cos(latB) * Math.cos((a.longitude - b.longitude) * rad);
  return Math.acos(Math.min(1, Math.max(-1, cosine)));
}
