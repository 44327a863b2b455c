import type { IconName } from "@/components/AppIcon.vue";
import type { Key } from "@/locale";

/** What the last tab leads to. A feature that gains a screen adds its line here; what is not built is absent. */
export interface Row {
  id: string;
  group: "family" | "account" | "about";
  icon: IconName;
  title: Key;
  text?: Key;
  path: string;
  needsSession: boolean;
  /** Which number of the account stands beside it. */
  count?: "member_count" | "session_count";
}

export const rows: Row[] = [
  {
    id: "members",
    group: "family",
    icon: "people",
    title: "family.title",
    text: "account.rows.members",
    path: "/account/members/members",
    needsSession: true,
    count: "member_count",
  },
  {
    id: "bills",
    group: "family",
    icon: "card",
    title: "money.bills.title",
    path: "/money/bills/bills",
    needsSession: true,
  },
  {
    id: "orders",
    group: "family",
    icon: "receipt",
    title: "money.orders.title",
    path: "/money/orders/orders",
    needsSession: true,
  },
  {
    id: "consents",
    group: "family",
    icon: "shield",
    title: "allowed.consents_title",
    text: "account.rows.consents",
    path: "/account/consents/consents",
    needsSession: true,
  },
  {
    id: "accesses",
    group: "family",
    icon: "search",
    title: "allowed.accesses_title",
    text: "account.rows.accesses",
    path: "/account/accesses/accesses",
    needsSession: true,
  },
  {
    id: "feedback",
    group: "family",
    icon: "chat",
    title: "feedback.list_title",
    text: "feedback.entry_text",
    path: "/feedback/list/list",
    needsSession: true,
  },
  {
    id: "settings",
    group: "account",
    icon: "text",
    title: "account.settings",
    text: "account.rows.settings",
    path: "/account/settings/settings",
    needsSession: false,
  },
  {
    id: "notifications",
    group: "account",
    icon: "bell",
    title: "messages.settings",
    text: "messages.settings_text",
    path: "/account/notifications/notifications",
    needsSession: true,
  },
  {
    id: "devices",
    group: "account",
    icon: "phone",
    title: "devices.title",
    path: "/account/devices/devices",
    needsSession: true,
    count: "session_count",
  },
  {
    id: "export",
    group: "account",
    icon: "receipt",
    title: "rights.export_title",
    path: "/account/export/export",
    needsSession: true,
  },
  {
    id: "deletion",
    group: "account",
    icon: "close",
    title: "rights.deletion_title",
    path: "/account/deletion/deletion",
    needsSession: true,
  },
  {
    id: "help",
    group: "about",
    icon: "help",
    title: "help.title",
    path: "/account/help/help",
    needsSession: false,
  },
  {
    id: "privacy",
    group: "about",
    icon: "shield",
    title: "account.privacy",
    path: "/account/privacy/privacy",
    needsSession: false,
  },
];
