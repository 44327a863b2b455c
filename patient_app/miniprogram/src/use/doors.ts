/** Where a visit leads, and what waits for a person. Whatever leads to a screen that is not built is not shown. */
import { orderVisit } from "@/api/operations";
import type { AppVisitBrief, HomeTodosItem } from "@/api/types";
import { isBuilt, open } from "@/navigation";

export type Step = NonNullable<AppVisitBrief["next_step"]>;

/** Lead on from a visit of a person. `key` is of the one thing that is wanted, as everywhere. */
export type Go = (visit: AppVisitBrief, patientId: string, key: string) => void | Promise<void>;

interface Door<T> {
  path: string;
  go: T;
}

const PAY = "/money/pay/pay";
const STOP = "/visits/stop/stop";
const RATING = "/feedback/rating/rating";
const ADD_MEMBER = "/account/add-member/add-member";

const STEPS: Record<Step, Door<Go>> = {
  answer_stop: { path: STOP, go: (visit) => open(STOP, { id: visit.id }) },
  pay: { path: PAY, go: pay },
  check_in: { path: "/visits/checkin/checkin", go: (visit) => open("/visits/checkin/checkin", { id: visit.id }) },
  see_queue: {
    path: "/visits/queue/queue",
    go: (visit) => open("/visits/queue/queue", { id: visit.queue_entry_id }),
  },
};

const TODOS: Record<HomeTodosItem["kind"], Door<(id: string) => void>> = {
  stopped: { path: STOP, go: (id) => open(STOP, { id }) },
  waitlist_offer: { path: "/visits/offer/offer", go: (id) => open("/visits/offer/offer", { id }) },
  payment: { path: PAY, go: (id) => open(PAY, { order: id }) },
};

async function pay(visit: AppVisitBrief, patientId: string, key: string): Promise<void> {
  const order = visit.order_id ?? (await orderVisit(patientId, visit.id, key)).order_id;
  open(PAY, { order });
}

/** How a step of a visit is taken, or null where nothing takes it. */
export function stepDoor(step: Step | null): Go | null {
  return step && isBuilt(STEPS[step].path) ? STEPS[step].go : null;
}

export function todoDoor(kind: HomeTodosItem["kind"]): ((id: string) => void) | null {
  return isBuilt(TODOS[kind].path) ? TODOS[kind].go : null;
}

/** Where somebody says how a visit was. */
export function ratingDoor(): ((visitId: string) => void) | null {
  return isBuilt(RATING) ? (visitId) => open(RATING, { appointment: visitId }) : null;
}

/** Where a person is added. */
export function memberDoor(): (() => void) | null {
  return isBuilt(ADD_MEMBER) ? () => open(ADD_MEMBER) : null;
}

export function openVisit(id: string): void {
  open("/visits/appointment/appointment", { id });
}
