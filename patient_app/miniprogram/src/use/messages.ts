/** Opening a message from a list of them: it is marked as read, and leads to what it is about. */
import { reactive } from "vue";

import { Problem, newKey } from "@/api/client";
import { markMessageRead } from "@/api/operations";
import type { AppMessage } from "@/api/types";
import { open } from "@/navigation";
import { knowUnread, unread } from "@/stores/unread";
import { doorOf, openSubject } from "@/use/subjects";

// Read since they were asked for.
const readHere = reactive(new Set<string>());

export function isUnread(message: AppMessage): boolean {
  return message.read_at === null && !readHere.has(message.id);
}

/** Remember that messages were read, until they are asked for again. */
export function knowRead(messages: readonly AppMessage[]): void {
  messages.forEach((one) => readHere.add(one.id));
}

/** Go where a message leads, or to the message itself, which marks itself as read. */
export function openMessage(message: AppMessage): void {
  const door = doorOf(message);
  if (door) {
    void noteRead(message);
    openSubject(message, door);
  } else {
    open("/messages/message/message", { id: message.id });
  }
}

async function noteRead(message: AppMessage): Promise<void> {
  if (!isUnread(message)) {
    return;
  }
  try {
    await markMessageRead(message.id, newKey());
    knowRead([message]);
    knowUnread(unread.value - 1);
  } catch (error) {
    // It stays marked as unread, and is marked when it is opened again.
    if (!(error instanceof Problem)) {
      throw error;
    }
  }
}
