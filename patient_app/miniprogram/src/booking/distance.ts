/** How far campuses are from where the person stands. Reckoned on the device: the hospital is not told. */
import type { AppDirectoryCampusesItem } from "@/api/types";
import type { Place } from "@/platform";

const EARTH_KILOMETRES = 6_371;

/** As the crow flies, in kilometres (haversine). */
export function kilometres(from: Place, to: { latitude: number; longitude: number }): number {
  const radians = Math.PI / 180;
  const north = ((to.latitude - from.latitude) * radians) / 2;
  const east = ((to.longitude - from.longitude) * radians) / 2;
  const across = Math.cos(from.latitude * radians) * Math.cos(to.latitude * radians);
  return 2 * EARTH_KILOMETRES * Math.asin(Math.sqrt(Math.sin(north) ** 2 + across * Math.sin(east) ** 2));
}

/** Put the nearest campus first. */
export function nearestFirst(campuses: AppDirectoryCampusesItem[], from: Place | null): AppDirectoryCampusesItem[] {
  return from ? [...campuses].sort((one, other) => kilometres(from, one) - kilometres(from, other)) : campuses;
}
