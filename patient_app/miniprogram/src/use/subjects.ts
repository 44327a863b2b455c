/** Where a message leads: to the screen of what it is about, or to the message itself where there is none. */
import type { AppMessage } from "@/api/types";
import { isBuilt, open } from "@/navigation";
import { chooseMember } from "@/stores/members";

export interface Door {
  path: string;
  values: Record<string, string>;
}

/** Name the screen of a message's subject; null where it is not built. */
export function doorOf(message: AppMessage): Door | null {
  const { kind, id } = message.subject;
  const door = { path: pathOf(kind, message.kind), values: { id } };
  return isBuilt(door.path) ? door : null;
}

function pathOf(subject: AppMessage["subject"]["kind"], kind: string): string {
  switch (subject) {
    case "appointment":
      return kind.startsWith("stop.") && isBuilt(STOP) ? STOP : "/visits/appointment/appointment";
    case "waitlist_offer":
      return "/visits/offer/offer";
    case "waitlist_entry":
      return "/visits/waitlist/waitlist";
    case "queue_entry":
      return "/visits/queue/queue";
    case "order":
      return "/money/order/order";
    case "bill":
      return "/money/bills/bills";
    case "feedback":
      return "/feedback/one/one";
    case "account":
      return "/account/phone/phone";
  }
}

const STOP = "/visits/stop/stop";

/** Go there, for the member whom it is about. */
export function openSubject(message: AppMessage, door: Door): void {
  chooseMember(message.patient_id);
  open(door.path, { ...door.values, member: message.patient_id });
}

/** Messages that want an answer, by their `until`; of the others it only says how long they are of use. */
const ANSWERED = new Set(["waitlist.offered", "stop.offered"]);

/** By when the person has to answer; null where there is nothing to answer. */
export function answerBy(message: AppMessage): string | null {
  return ANSWERED.has(message.kind) ? message.until : null;
}
