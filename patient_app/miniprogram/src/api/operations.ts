/**
 * What can be asked of the hospital, a function each; every one may throw a Problem.
 *
 * Made by `./hospital generate` from schema/; changes belong there.
 */
import { change, read, type Reading } from "@/api/client";
import type * as types from "@/api/types";

/** Send a code to a telephone, good for five minutes on the phone or browser that asked for it. */
export function sendPhoneCode(body: types.PhoneCodeRequest, key: string): Promise<types.PhoneCode> {
  return change<types.PhoneCode>("POST", "/phone-codes", body, key);
}

/** Send a code to the account's own telephone, to confirm before something sensitive that it is its owner. */
export function sendConfirmationCode(key: string): Promise<types.PhoneCode> {
  return change<types.PhoneCode>("POST", "/session/phone-codes", undefined, key);
}

/** Confirm with the code that it is the owner: what wants a sign-in of the last ten minutes is open again. */
export function confirmSession(body: types.ConfirmationRequest, key: string): Promise<void> {
  return change<void>("POST", "/session/confirmations", body, key);
}

/** Sign in with the code; a telephone that is new here gets a new account. */
export function signInByCode(body: types.SessionRequest, key: string): Promise<types.AppSession> {
  return change<types.AppSession>("POST", "/sessions", body, key);
}

/** List where the account is signed in, the last used first. */
export function listSessions(): Promise<Reading<types.AppSessionList>> {
  return read<types.AppSessionList>("/sessions");
}

/** Sign in with what only the account's holder knows, where the number was proved long ago; or begin anew. */
export function signInByAnswer(body: types.HolderAnswer, key: string): Promise<types.AppSession> {
  return change<types.AppSession>("POST", "/sessions/answers", body, key);
}

/** Give new tokens for the refresh token: a browser's comes as a cookie, a mini-program's in the body. */
export function refreshSession(body: types.RefreshRequest, key: string): Promise<types.AppSession> {
  return change<types.AppSession>("POST", "/sessions/refresh", body, key);
}

/** End this session; its tokens are worth nothing from then on. */
export function signOut(key: string): Promise<void> {
  return change<void>("DELETE", "/session", undefined, key);
}

/** End one session of the account, such as that of a phone that was lost. */
export function endSession(sessionId: types.Id, key: string): Promise<void> {
  return change<void>("DELETE", `/sessions/${sessionId}`, undefined, key);
}

/** End all sessions of the account but this one. */
export function endOtherSessions(key: string): Promise<types.EndedSessions> {
  return change<types.EndedSessions>("POST", "/sessions/end-others", undefined, key);
}

/** List the people the account may act for, the default one first. */
export function listMembers(): Promise<Reading<types.MemberList>> {
  return read<types.MemberList>("/members");
}

/** Add a person by real name and document; for another, the version of the consent that was shown and agreed to. */
export function addMember(body: types.MemberRequest, key: string): Promise<types.Member> {
  return change<types.Member>("POST", "/members", body, key);
}

/** Read one person the account may act for. */
export function getMember(patientId: types.Id): Promise<Reading<types.Member>> {
  return read<types.Member>(`/members/${patientId}`);
}

/** Act for a person no longer; what was booked for them stands. */
export function removeMember(patientId: types.Id, key: string): Promise<void> {
  return change<void>("DELETE", `/members/${patientId}`, undefined, key);
}

/** Make a person the one who is meant when the app opens. */
export function chooseDefaultMember(patientId: types.Id, key: string): Promise<void> {
  return change<void>("PUT", `/members/${patientId}/default`, undefined, key);
}

/** Read the account: its masked telephone, its default member, and how many of what it has. */
export function getAccount(): Promise<Reading<types.Account>> {
  return read<types.Account>("/account");
}

/** Keep that the account agrees to a version of the privacy policy, as when there is a new one. */
export function agreeToPrivacy(body: types.AgreementRequest, key: string): Promise<void> {
  return change<void>("PUT", "/account/agreements/privacy", body, key);
}

/** Read a member's next visit, what has to be answered or paid, the most urgent first, and the newest messages. */
export function getHome(patientId: types.Id): Promise<Reading<types.Home>> {
  return read<types.Home>(`/members/${patientId}/home`);
}

/** What `listVisits` may be asked. */
export type ListVisitsQuery = {
  limit?: types.Limit;
  cursor?: types.Cursor;
};

/** List what a member has before them, whoever booked it, and what is behind them by pages. */
export function listVisits(patientId: types.Id, query: ListVisitsQuery = {}): Promise<Reading<types.AppVisitList>> {
  return read<types.AppVisitList>(`/members/${patientId}/appointments`, query);
}

/** Read one visit with how it stands with money and with the HIS, and what can be done about it. */
export function getVisit(patientId: types.Id, appointmentId: types.Id): Promise<Reading<types.AppVisit>> {
  return read<types.AppVisit>(`/members/${patientId}/appointments/${appointmentId}`);
}

/** Make the order by which the fee of a visit is paid; one that is open already is given again. */
export function orderVisit(patientId: types.Id, appointmentId: types.Id, key: string): Promise<types.AppVisitOrder> {
  return change<types.AppVisitOrder>("POST", `/members/${patientId}/appointments/${appointmentId}/order`, undefined, key);
}

/** Give the number back; what was paid for it goes back by the way it came. */
export function cancelVisit(patientId: types.Id, appointmentId: types.Id, key: string): Promise<types.AppVisit> {
  return change<types.AppVisit>("POST", `/members/${patientId}/appointments/${appointmentId}/cancel`, undefined, key);
}

/** What `listVisitTimes` may be asked. */
export type ListVisitTimesQuery = {
  /** The day; the first with times unless told otherwise. */
  date?: types.Date;
};

/** List the times to which a visit can be moved: days of three weeks, and the clinics of one of them. */
export function listVisitTimes(patientId: types.Id, appointmentId: types.Id, query: ListVisitTimesQuery = {}): Promise<Reading<types.AppVisitChoices>> {
  return read<types.AppVisitChoices>(`/members/${patientId}/appointments/${appointmentId}/times`, query);
}

/** Move a visit to another time; where it is cheaper there, the difference goes back. */
export function rescheduleVisit(patientId: types.Id, appointmentId: types.Id, body: types.AppVisitChoiceRequest, key: string): Promise<types.AppVisit> {
  return change<types.AppVisit>("POST", `/members/${patientId}/appointments/${appointmentId}/reschedule`, body, key);
}

/** Read what a stopped clinic means for a visit, and between which times its person may choose. */
export function getVisitStop(patientId: types.Id, appointmentId: types.Id): Promise<Reading<types.AppVisitStop>> {
  return read<types.AppVisitStop>(`/members/${patientId}/appointments/${appointmentId}/stop`);
}

/** Take one of the times that a stopped clinic offers; it counts as none of the person's moves. */
export function chooseVisitTime(patientId: types.Id, appointmentId: types.Id, body: types.AppVisitChoiceRequest, key: string): Promise<types.AppVisit> {
  return change<types.AppVisit>("POST", `/members/${patientId}/appointments/${appointmentId}/stop/choose`, body, key);
}

/** Take none of the times that a stopped clinic offers: the visit is cancelled, and what was paid goes back. */
export function declineVisitTimes(patientId: types.Id, appointmentId: types.Id, key: string): Promise<types.AppVisit> {
  return change<types.AppVisit>("POST", `/members/${patientId}/appointments/${appointmentId}/stop/decline`, undefined, key);
}

/** What `listFollowUpTimes` may be asked. */
export type ListFollowUpTimesQuery = {
  /** The day; the first with times unless told otherwise. */
  date?: types.Date;
};

/** List the times that the one free follow-up of a visit can have. */
export function listFollowUpTimes(patientId: types.Id, appointmentId: types.Id, query: ListFollowUpTimesQuery = {}): Promise<Reading<types.AppVisitChoices>> {
  return read<types.AppVisitChoices>(`/members/${patientId}/appointments/${appointmentId}/follow-up/times`, query);
}

/** Book the one free follow-up of a visit. */
export function bookVisitFollowUp(patientId: types.Id, appointmentId: types.Id, body: types.AppVisitChoiceRequest, key: string): Promise<types.AppVisit> {
  return change<types.AppVisit>("POST", `/members/${patientId}/appointments/${appointmentId}/follow-up`, body, key);
}

/** Read the campuses, and the departments that see outpatients, under their headings. */
export function getDirectory(): Promise<Reading<types.AppDirectory>> {
  return read<types.AppDirectory>("/directory");
}

/** What `listOpenDepartments` may be asked. */
export type ListOpenDepartmentsQuery = {
  /** Which day. */
  date: types.Date;
};

/** List the departments that have something free on a day, and at which campuses. */
export function listOpenDepartments(query: ListOpenDepartmentsQuery): Promise<Reading<types.AppOpenDepartments>> {
  return read<types.AppOpenDepartments>("/directory/open", query);
}

/** What `searchDirectory` may be asked. */
export type SearchDirectoryQuery = {
  /** Chinese, pinyin, initials, or a disease. */
  q: types.Text;
};

/** Find departments and doctors by name, pinyin, initials or what they treat, the best first. */
export function searchDirectory(query: SearchDirectoryQuery): Promise<Reading<types.AppSearchResult>> {
  return read<types.AppSearchResult>("/directory/search", query);
}

/** What `getDepartment` may be asked. */
export type GetDepartmentQuery = {
  /** Whose sessions are shown; the first day with something free unless given. */
  date?: types.Date;
};

/** Read a department's days, and who sees patients there on one of them; without a day, on the first with a seat. */
export function getDepartment(departmentId: types.Id, query: GetDepartmentQuery = {}): Promise<Reading<types.AppDepartment>> {
  return read<types.AppDepartment>(`/departments/${departmentId}`, query);
}

/** Read who a doctor is, and their sessions of the coming days. */
export function getDoctor(practitionerId: types.Id): Promise<Reading<types.AppDoctor>> {
  return read<types.AppDoctor>(`/doctors/${practitionerId}`);
}

/** Read a session's half hours, with the numbers left of each. */
export function listSeats(scheduleId: types.Id): Promise<Reading<types.AppSeats>> {
  return read<types.AppSeats>(`/clinic-sessions/${scheduleId}`);
}

/** Read what the member is about to book, on which terms, and whether something stands against it. */
export function getBookingTerms(patientId: types.Id, slotId: types.Id): Promise<Reading<types.AppBookingTerms>> {
  return read<types.AppBookingTerms>(`/members/${patientId}/slots/${slotId}`);
}

/** Keep a seat of a half hour for the member while they confirm or pay. */
export function holdSeat(patientId: types.Id, body: types.AppHoldRequest, key: string): Promise<types.AppHold> {
  return change<types.AppHold>("POST", `/members/${patientId}/holds`, body, key);
}

/** Read how long a seat is kept. */
export function getHold(patientId: types.Id, holdId: types.Id): Promise<Reading<types.AppHold>> {
  return read<types.AppHold>(`/members/${patientId}/holds/${holdId}`);
}

/** Give a kept seat back. */
export function releaseHold(patientId: types.Id, holdId: types.Id, key: string): Promise<types.AppHold> {
  return change<types.AppHold>("POST", `/members/${patientId}/holds/${holdId}/release`, undefined, key);
}

/** Make the kept seat an appointment, where nothing is paid now. */
export function confirmHold(patientId: types.Id, holdId: types.Id, key: string): Promise<types.AppBookingResult> {
  return change<types.AppBookingResult>("POST", `/members/${patientId}/holds/${holdId}/confirm`, undefined, key);
}

/** Make the order by which the kept seat is paid and so becomes an appointment. */
export function orderHold(patientId: types.Id, holdId: types.Id, key: string): Promise<types.AppHoldOrder> {
  return change<types.AppHoldOrder>("POST", `/members/${patientId}/holds/${holdId}/order`, undefined, key);
}

/** Read what was booked: the number, where to go and when. */
export function getBooking(patientId: types.Id, appointmentId: types.Id): Promise<Reading<types.AppBookingResult>> {
  return read<types.AppBookingResult>(`/members/${patientId}/appointments/${appointmentId}/booking`);
}

/** Read what came of paying for a kept seat. */
export function getBookingOfOrder(patientId: types.Id, orderId: types.Id): Promise<Reading<types.AppBookingResult>> {
  return read<types.AppBookingResult>(`/members/${patientId}/orders/${orderId}/booking`);
}

/** What `listOrders` may be asked. */
export type ListOrdersQuery = {
  limit?: types.Limit;
  cursor?: types.Cursor;
};

/** List what a member has paid or is to pay, the newest first, with how far money is that goes back. */
export function listOrders(patientId: types.Id, query: ListOrdersQuery = {}): Promise<Reading<types.OrderList>> {
  return read<types.OrderList>(`/members/${patientId}/orders`, query);
}

/** Read an order with all that its screens show: what it is for, how to pay it, refunds, receipts, codes. */
export function getOrder(patientId: types.Id, orderId: types.Id): Promise<Reading<types.PatientOrder>> {
  return read<types.PatientOrder>(`/members/${patientId}/orders/${orderId}`);
}

/** Read how an order stands; the channel by which it was begun to be paid is asked, at most every five seconds. */
export function getOrderState(patientId: types.Id, orderId: types.Id): Promise<Reading<types.OrderState>> {
  return read<types.OrderState>(`/members/${patientId}/orders/${orderId}/state`);
}

/** Begin to pay an order: the answer is what WeChat's own sheet takes, or the channel's page, or a code to scan. */
export function startPayment(patientId: types.Id, orderId: types.Id, body: types.PaymentStart, key: string): Promise<types.StartedPayment> {
  return change<types.StartedPayment>("POST", `/members/${patientId}/orders/${orderId}/payments`, body, key);
}

/** Give an order up, so that what it was for is free again; money that comes all the same goes back. */
export function closeOrder(patientId: types.Id, orderId: types.Id, key: string): Promise<types.OrderState> {
  return change<types.OrderState>("POST", `/members/${patientId}/orders/${orderId}/close`, undefined, key);
}

/** List what a member owes, with every item, and the order by which a bill is being paid already. */
export function listBills(patientId: types.Id): Promise<Reading<types.UnpaidBillList>> {
  return read<types.UnpaidBillList>(`/members/${patientId}/bills`);
}

/** Make one order for the bills that were chosen, if they still are what was shown. */
export function orderBills(patientId: types.Id, body: types.BillOrderRequest, key: string): Promise<types.OrderState> {
  return change<types.OrderState>("POST", `/members/${patientId}/bills/order`, body, key);
}

/** Have the medical insurance share the bills that were chosen, and make one order of what it leaves. */
export function orderBillsWithInsurance(patientId: types.Id, body: types.InsuredOrderRequest, key: string): Promise<types.OrderState> {
  return change<types.OrderState>("POST", `/members/${patientId}/bills/insured-order`, body, key);
}

/** Ask for the money of items that were paid; the hospital agrees first that each was not dispensed or done. */
export function askItemsBack(patientId: types.Id, orderId: types.Id, body: types.BillRefundRequest, key: string): Promise<types.PatientRefund> {
  return change<types.PatientRefund>("POST", `/members/${patientId}/orders/${orderId}/refunds`, body, key);
}

/** Make a code and a link by which a relative may pay an open order. They are shown this once. */
export function makePayCode(patientId: types.Id, orderId: types.Id, key: string): Promise<types.PatientPayCode> {
  return change<types.PatientPayCode>("POST", `/members/${patientId}/orders/${orderId}/pay-codes`, undefined, key);
}

/** End a code before its time; a payment that was begun with it may still be made. */
export function revokePayCode(patientId: types.Id, payCodeId: types.Id, key: string): Promise<void> {
  return change<void>("DELETE", `/members/${patientId}/pay-codes/${payCodeId}`, undefined, key);
}

/** Show whoever has a code what they would pay: what kind of thing, how much, and one character of a name. */
export function showPayable(body: types.PatientPayCodeLookup, key: string): Promise<types.PatientPayable> {
  return change<types.PatientPayable>("POST", "/pay-codes/lookup", body, key);
}

/** Begin to pay a code's order, as often as asked the same payment; a second one goes back by itself. */
export function payByCode(body: types.PatientPayCodePayment, key: string): Promise<types.StartedPayment> {
  return change<types.StartedPayment>("POST", "/pay-codes/pay", body, key);
}

/** What `listFeedback` may be asked. */
export type ListFeedbackQuery = {
  limit?: types.Limit;
  cursor?: types.Cursor;
};

/** List what this account has filed for the person, the newest first. */
export function listFeedback(patientId: types.Id, query: ListFeedbackQuery = {}): Promise<Reading<types.AppFeedbackList>> {
  return read<types.AppFeedbackList>(`/members/${patientId}/feedback`, query);
}

/** File a complaint, a suggestion or praise; it goes to the office that its category and place belong to. */
export function submitFeedback(patientId: types.Id, body: types.AppFeedbackRequest, key: string): Promise<types.AppFeedback> {
  return change<types.AppFeedback>("POST", `/members/${patientId}/feedback`, body, key);
}

/** Read which visits somebody may write about or rate, and by when the hospital would answer. */
export function getFeedbackForm(patientId: types.Id): Promise<Reading<types.AppFeedbackForm>> {
  return read<types.AppFeedbackForm>(`/members/${patientId}/feedback-form`);
}

/** Read what was filed, how far it is, and what was said on both sides. */
export function getFeedback(patientId: types.Id, caseId: types.Id): Promise<Reading<types.AppFeedback>> {
  return read<types.AppFeedback>(`/members/${patientId}/feedback/${caseId}`);
}

/** Say more, until the case is closed. */
export function addFeedbackMessage(patientId: types.Id, caseId: types.Id, body: types.AppFeedbackMessageRequest, key: string): Promise<types.AppFeedback> {
  return change<types.AppFeedback>("POST", `/members/${patientId}/feedback/${caseId}/messages`, body, key);
}

/** Say once, with a reason, that the answer does not do. */
export function reopenFeedback(patientId: types.Id, caseId: types.Id, body: types.AppFeedbackReopening, key: string): Promise<types.AppFeedback> {
  return change<types.AppFeedback>("POST", `/members/${patientId}/feedback/${caseId}/reopen`, body, key);
}

/** Read the questions about a visit, with what this account has said. */
export function getRating(patientId: types.Id, appointmentId: types.Id): Promise<Reading<types.AppRatingForm>> {
  return read<types.AppRatingForm>(`/members/${patientId}/appointments/${appointmentId}/rating`);
}

/** Say how a visit was, or amend it while that is open. */
export function rateVisit(patientId: types.Id, appointmentId: types.Id, body: types.AppRatingRequest, key: string): Promise<types.AppRatingForm> {
  return change<types.AppRatingForm>("PUT", `/members/${patientId}/appointments/${appointmentId}/rating`, body, key);
}

/** List the copies of its data that the account has asked for, the newest first. */
export function listAccountExports(): Promise<Reading<types.AppAccountExportList>> {
  return read<types.AppAccountExportList>("/account/exports");
}

/** Ask for a copy of the account's data; it is ready in a minute, and there for a week. */
export function requestAccountExport(key: string): Promise<types.AppAccountExport> {
  return change<types.AppAccountExport>("POST", "/account/exports", undefined, key);
}

/** Read a copy: an index in both languages, and the data by its parts. */
export function getAccountExportFile(exportId: types.Id): Promise<Reading<types.AppAccountExportFile>> {
  return read<types.AppAccountExportFile>(`/account/exports/${exportId}/file`);
}

/** Read whether the account is about to be deleted, and what would stand in the way. */
export function getAccountDeletion(): Promise<Reading<types.AppAccountDeletion>> {
  return read<types.AppAccountDeletion>("/account/deletion");
}

/** Ask that the account be deleted; it works as before for fifteen days, in which that can be taken back. */
export function requestAccountDeletion(key: string): Promise<types.AppAccountDeletion> {
  return change<types.AppAccountDeletion>("POST", "/account/deletion", undefined, key);
}

/** Take the deletion back. */
export function withdrawAccountDeletion(key: string): Promise<void> {
  return change<void>("DELETE", "/account/deletion", undefined, key);
}

/** Send a code to the number that the account is to have; it is good for this account's change alone. */
export function sendChangeCode(body: types.PhoneCodeRequest, key: string): Promise<types.PhoneCode> {
  return change<types.PhoneCode>("POST", "/account/phone/codes", body, key);
}

/** Give the account the number that the code came to; all other devices are signed out. */
export function changePhone(body: types.PhoneChangeRequest, key: string): Promise<types.PhoneChange> {
  return change<types.PhoneChange>("PUT", "/account/phone", body, key);
}

/** Give the account the number that a code of `getPhoneNumber` shows; all other devices are signed out. */
export function changePhoneByWechat(body: types.WeChatPhoneChangeRequest, key: string): Promise<types.PhoneChange> {
  return change<types.PhoneChange>("PUT", "/account/phone/wechat", body, key);
}

/** Sign in with a code of `wx.login`; whom WeChat names for the first time gets a ticket, to show their number. */
export function signInByWechat(body: types.WeChatSignInRequest, key: string): Promise<types.WeChatSignIn> {
  return change<types.WeChatSignIn>("POST", "/sessions/wechat", body, key);
}

/** Sign in with a ticket and a code of `getPhoneNumber`; a number that is new here gets a new account. */
export function signInByWechatPhone(body: types.WeChatPhoneRequest, key: string): Promise<types.AppSession> {
  return change<types.AppSession>("POST", "/sessions/wechat/phone", body, key);
}

/** Confirm with a code of `wx.login` that it is a WeChat user of the account; as with a code to its telephone. */
export function confirmSessionByWechat(body: types.WeChatConfirmationRequest, key: string): Promise<void> {
  return change<void>("POST", "/session/confirmations/wechat", body, key);
}

/** Let no WeChat user sign in to the account any more, and write to none; sessions go on until they are ended. */
export function unbindWechat(key: string): Promise<void> {
  return change<void>("DELETE", "/account/wechat", undefined, key);
}

/** What `listMessages` may be asked. */
export type ListMessagesQuery = {
  limit?: types.Limit;
  cursor?: types.Cursor;
};

/** List the account's messages, newest first; each leads to what it is about. */
export function listMessages(query: ListMessagesQuery = {}): Promise<Reading<types.AppMessageList>> {
  return read<types.AppMessageList>("/messages", query);
}

/** Count what was not read, to ninety-nine: for the mark on the tab. */
export function countUnread(): Promise<Reading<types.AppUnread>> {
  return read<types.AppUnread>("/messages/unread");
}

/** Read one message, as when a WeChat message was tapped; that marks nothing. */
export function getMessage(messageId: types.Id): Promise<Reading<types.AppMessage>> {
  return read<types.AppMessage>(`/messages/${messageId}`);
}

/** Note that a message was read; it is sent by no other way any more. */
export function markMessageRead(messageId: types.Id, key: string): Promise<void> {
  return change<void>("POST", `/messages/${messageId}/read`, undefined, key);
}

/** Note that everything was read, up to the newest message that was seen. */
export function markAllRead(body: types.AppReadAllRequest, key: string): Promise<types.AppReadAll> {
  return change<types.AppReadAll>("POST", "/messages/read-all", body, key);
}

/** Read what the account wants to be sent beside its inbox, by which way, and when not. */
export function getPreferences(): Promise<Reading<types.AppPreferences>> {
  return read<types.AppPreferences>("/notification-preferences");
}

/** Set what the account wants; groups that are not named stay as they are. */
export function changePreferences(body: types.AppPreferencesChange, key: string): Promise<types.AppPreferences> {
  return change<types.AppPreferences>("PUT", "/notification-preferences", body, key);
}

/** Tell which WeChat templates to ask for at which moment (`wx.requestSubscribeMessage`). */
export function listSubscriptionMoments(): Promise<Reading<types.AppSubscriptionMoments>> {
  return read<types.AppSubscriptionMoments>("/subscriptions");
}

/** Note which templates somebody has just accepted: one more message of each may be sent. */
export function noteSubscriptions(body: types.AppSubscriptionRequest, key: string): Promise<void> {
  return change<void>("POST", "/subscriptions", body, key);
}

/** List what the account, and others about its own holder, have allowed applications; what stands first. */
export function listAccountConsents(): Promise<Reading<types.AppConsentList>> {
  return read<types.AppConsentList>("/account/consents");
}

/** Take a consent back; the application can use nothing any more from then on. */
export function withdrawAccountConsent(consentId: types.Id, key: string): Promise<void> {
  return change<void>("DELETE", `/account/consents/${consentId}`, undefined, key);
}

/** End what an application knows by having had the person sign in with the hospital's account. */
export function endApplicationSignIn(grantId: types.Id, key: string): Promise<void> {
  return change<void>("DELETE", `/account/application-sign-ins/${grantId}`, undefined, key);
}

/** What `listMemberAccesses` may be asked. */
export type ListMemberAccessesQuery = {
  /** Whether the account's own entries are wanted too; they are left out unless asked for. */
  own?: boolean;
  limit?: types.Limit;
  cursor?: types.Cursor;
};

/** List who looked at or changed what of the person, the newest first; the account's own only where asked for. */
export function listMemberAccesses(patientId: types.Id, query: ListMemberAccessesQuery = {}): Promise<Reading<types.AppAccessList>> {
  return read<types.AppAccessList>(`/members/${patientId}/accesses`, query);
}

/** Read which number to ring. */
export function getContact(): Promise<Reading<types.AppContact>> {
  return read<types.AppContact>("/contact");
}

/** What `getWaitlistProspect` may be asked. */
export type GetWaitlistProspectQuery = {
  /** What is waited for: one clinic of a doctor, or whatever comes free of a doctor or a department. */
  target_kind: "schedule" | "practitioner" | "department";
  /** The schedule, practitioner or department. */
  target_id: types.Id;
};

/** Read what joining the waitlist of a clinic, doctor or department would mean for the person. */
export function getWaitlistProspect(patientId: types.Id, query: GetWaitlistProspectQuery): Promise<Reading<types.AppWaitlistProspect>> {
  return read<types.AppWaitlistProspect>(`/members/${patientId}/waitlist/prospect`, query);
}

/** List what the person waits for, and what has become of it, the newest first. */
export function listWaitlist(patientId: types.Id): Promise<Reading<types.AppWaitlist>> {
  return read<types.AppWaitlist>(`/members/${patientId}/waitlist`);
}

/** Put the person on the list for a number that may come free. */
export function joinWaitlist(patientId: types.Id, body: types.AppWaitlistRequest, key: string): Promise<types.AppWaitlistEntry> {
  return change<types.AppWaitlistEntry>("POST", `/members/${patientId}/waitlist`, body, key);
}

/** Take the person off the list; a number that is being offered to them passes on. */
export function withdrawFromWaitlist(patientId: types.Id, entryId: types.Id, key: string): Promise<types.AppWaitlistEntry> {
  return change<types.AppWaitlistEntry>("POST", `/members/${patientId}/waitlist/${entryId}/withdraw`, undefined, key);
}

/** Read an offer: what, where, for how much, and until when it is kept. */
export function getWaitlistOffer(patientId: types.Id, offerId: types.Id): Promise<Reading<types.AppWaitlistOffer>> {
  return read<types.AppWaitlistOffer>(`/members/${patientId}/offers/${offerId}`);
}

/** Take the offered number: it becomes an appointment, or an order to be paid first while it is kept. */
export function acceptWaitlistOffer(patientId: types.Id, offerId: types.Id, key: string): Promise<types.AppWaitlistTaken> {
  return change<types.AppWaitlistTaken>("POST", `/members/${patientId}/offers/${offerId}/accept`, undefined, key);
}

/** Let the offered number pass on; the person goes on waiting in their place. */
export function declineWaitlistOffer(patientId: types.Id, offerId: types.Id, key: string): Promise<types.AppWaitlistOffer> {
  return change<types.AppWaitlistOffer>("POST", `/members/${patientId}/offers/${offerId}/decline`, undefined, key);
}

/** Read whether the person can check in now, from when on, and where. */
export function getCheckIn(patientId: types.Id, appointmentId: types.Id): Promise<Reading<types.AppCheckIn>> {
  return read<types.AppCheckIn>(`/members/${patientId}/appointments/${appointmentId}/check-in`);
}

/** Say that the person has come, as their phone's place shows, and give their place in the queue. */
export function checkInByPlace(patientId: types.Id, appointmentId: types.Id, body: types.AppCheckInRequest, key: string): Promise<types.AppQueuePlace> {
  return change<types.AppQueuePlace>("POST", `/members/${patientId}/appointments/${appointmentId}/check-in`, body, key);
}

/** Get a code for two minutes that the phone shows to a scanner at the hospital. */
export function getCheckInCode(patientId: types.Id, appointmentId: types.Id, key: string): Promise<types.AppCheckInCode> {
  return change<types.AppCheckInCode>("POST", `/members/${patientId}/appointments/${appointmentId}/check-in-code`, undefined, key);
}

/** Read the person's place in a queue, named by its own id or by its appointment's. */
export function getQueuePlace(patientId: types.Id, visitId: types.Id): Promise<Reading<types.AppQueuePlace>> {
  return read<types.AppQueuePlace>(`/members/${patientId}/queue/${visitId}`);
}

/** Watch the person's place: a `place` event whenever it changes (server-sent events). */
export function watchQueuePlacePath(patientId: types.Id, visitId: types.Id): string {
  return `/members/${patientId}/queue/${visitId}/events`;
}
