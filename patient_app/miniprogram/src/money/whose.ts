/** For whom an order is: links name the order alone, and everything of a person is asked for below that person. */
import type { Reading } from "@/api/client";
import { getOrder } from "@/api/operations";
import type { PatientOrder } from "@/api/types";
import { members } from "@/stores/members";
import { forWhomever } from "@/use/member";

export interface OwnedOrder {
  patientId: string;
  order: PatientOrder;
}

const owners = new Map<string, string>();

/** Read an order of whichever member it is of; whose it is, is remembered while it is read again and again. */
export async function readOwnedOrder(orderId: string): Promise<Reading<OwnedOrder>> {
  const known = owners.get(orderId);
  if (known && members.value.some((one) => one.patient_id === known)) {
    const reading = await getOrder(known, orderId);
    return { ...reading, data: { patientId: known, order: reading.data } };
  }
  const reading = await forWhomever((patientId) => getOrder(patientId, orderId));
  const { of, answer } = reading.data;
  owners.set(orderId, of);
  return { ...reading, data: { patientId: of, order: answer } };
}
