/**
 * Where a visit leads. A screen that is not built has no line here, and whoever would lead there shows nothing in its
 * place.
 */
import type { AppVisitBrief, HomeTodosItem } from "@/api/types";
import { open } from "@/navigation";

export type Step = NonNullable<AppVisitBrief["next_step"]>;

/** Lead on from a visit of a person. `key` is of the one thing that is wanted, as everywhere. */
export type Go = (visit: AppVisitBrief, patientId: string, key: string) => void | Promise<void>;

const STEPS: Partial<Record<Step, Go>> = {
  answer_stop: (visit) => open("/visits/stop/stop", { id: visit.id }),
};

const TODOS: Partial<Record<HomeTodosItem["kind"], (id: string) => void>> = {
  stopped: (id) => open("/visits/stop/stop", { id }),
};

/** Where somebody says how a visit was. */
export const ratingDoor: ((visitId: string) => void) | null = (visitId) =>
  open("/feedback/rating/rating", { appointment: visitId });

/** How a step of a visit is taken, or null where nothing takes it. */
export function stepDoor(step: Step | null): Go | null {
  return (step && STEPS[step]) ?? null;
}

export function todoDoor(kind: HomeTodosItem["kind"]): ((id: string) => void) | null {
  return TODOS[kind] ?? null;
}

export function openVisit(id: string): void {
  open("/visits/appointment/appointment", { id });
}
