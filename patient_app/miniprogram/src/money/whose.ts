/** For whom an order is: links name the order alone, and everything of a person is asked for below that person. */
import { Problem, type Reading } from "@/api/client";
import { getOrder } from "@/api/operations";
import type { PatientOrder } from "@/api/types";
import { loadMembers, member, members } from "@/stores/members";

const ABSENT = 404;

export interface OwnedOrder {
  patientId: string;
  order: PatientOrder;
}

const owners = new Map<string, string>();

/** Read an order of whichever member it is of, the one chosen first. */
export async function readOwnedOrder(orderId: string): Promise<Reading<OwnedOrder>> {
  if (members.value.length === 0) {
    await loadMembers();
  }
  const known = owners.get(orderId) ?? member.value?.patient_id ?? "";
  const others = members.value.map((one) => one.patient_id).filter((id) => id !== known);
  let absent: unknown = null;
  for (const patientId of [known, ...others].filter(Boolean)) {
    try {
      const reading = await getOrder(patientId, orderId);
      owners.set(orderId, patientId);
      return { ...reading, data: { patientId, order: reading.data } };
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== ABSENT) {
        throw error;
      }
      absent = error;
    }
  }
  throw absent ?? new Error("an account without members has no orders");
}
