-- The notification centre: what messages say, who wants which, what each account was told, and every try to send it.

-- One kind of message, as the hospital words it. Placeholders are those that the kind has facts for (notifications/kinds.py).
CREATE TABLE notification_kind (
    code                text        PRIMARY KEY,
    kind_group          text        NOT NULL CHECK (kind_group IN ('appointment', 'waitlist', 'queue', 'payment', 'report', 'bed')),
    active              boolean     NOT NULL DEFAULT true,
    is_important        boolean     NOT NULL,           -- goes to the telephone where WeChat does not reach
    passes_quiet_hours  boolean     NOT NULL,
    fallback_minutes    smallint    CHECK (fallback_minutes BETWEEN 1 AND 1440),   -- unread so long: the next way; null: never
    title_zh            text        NOT NULL CHECK (length(title_zh) BETWEEN 1 AND 60),
    title_en            text        NOT NULL CHECK (length(title_en) BETWEEN 1 AND 120),
    body_zh             text        NOT NULL CHECK (length(body_zh) BETWEEN 1 AND 500),
    body_en             text        NOT NULL CHECK (length(body_en) BETWEEN 1 AND 1000),
    sms                 text        CHECK (length(sms) BETWEEN 1 AND 140),         -- null: never by SMS
    wechat_template_id  text        CHECK (length(wechat_template_id) BETWEEN 1 AND 64),
    wechat_fields       jsonb       NOT NULL DEFAULT '{}',
    wechat_page         text        CHECK (length(wechat_page) BETWEEN 1 AND 200),
    version             integer     NOT NULL DEFAULT 1,
    CHECK (is_important OR fallback_minutes IS NULL)
);

-- What holds for all kinds; one row, the hospital's. Quiet from until (Asia/Shanghai); equal: never quiet.
CREATE TABLE notification_rule (
    quiet_from   time     NOT NULL,
    quiet_until  time     NOT NULL,
    near_places  smallint NOT NULL CHECK (near_places BETWEEN 1 AND 20),
    version      integer  NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX notification_rule_one ON notification_rule ((true));
INSERT INTO notification_rule (quiet_from, quiet_until, near_places) VALUES ('22:00', '07:30', 3);

-- How far the events of each table have become messages. `horizon`: the newest event when transactions from
-- `horizon_xid` on had not begun; it may be read to once all before these are over.
CREATE TABLE notification_feed (
    source       text   PRIMARY KEY,
    read_to      bigint NOT NULL,
    horizon      bigint,
    horizon_xid  xid8,
    CHECK ((horizon IS NULL) = (horizon_xid IS NULL))
);
INSERT INTO notification_feed (source, read_to)
SELECT 'booking_event', coalesce(max(id), 0) FROM booking_event
UNION ALL SELECT 'booking_notice', coalesce(max(id), 0) FROM booking_notice
UNION ALL SELECT 'visit_queue_event', coalesce(max(id), 0) FROM visit_queue_event;

-- A message in an account's inbox. Its words and facts are sealed: they name people and clinics.
CREATE TABLE notification (
    id              uuid        PRIMARY KEY,
    account_id      uuid        NOT NULL,
    event_key       text        NOT NULL CHECK (length(event_key) <= 120),
    patient_id      uuid        NOT NULL,
    kind            text        NOT NULL REFERENCES notification_kind (code),
    subject_kind    text        NOT NULL,
    subject_id      text        NOT NULL CHECK (length(subject_id) <= 64),
    content_cipher  bytea       NOT NULL,
    occurred_at     timestamptz NOT NULL,
    until           timestamptz,                          -- nobody is sent it after that; it stays in the inbox
    created_at      timestamptz NOT NULL,
    read_at         timestamptz,
    fallback_at     timestamptz,                          -- unread then: the next way
    CONSTRAINT notification_once UNIQUE (account_id, event_key)
);
CREATE INDEX notification_unread ON notification (account_id, id) WHERE read_at IS NULL;
CREATE INDEX notification_listed ON notification (account_id, id);
CREATE INDEX notification_fallback ON notification (fallback_at) WHERE fallback_at IS NOT NULL;
CREATE INDEX notification_created ON notification (created_at);

-- One message by one way, at most once.
CREATE TABLE notification_delivery (
    id               uuid        PRIMARY KEY,
    notification_id  uuid        NOT NULL REFERENCES notification (id) ON DELETE CASCADE,
    channel          text        NOT NULL CHECK (channel IN ('wechat', 'sms')),
    status           text        NOT NULL CHECK (status IN
                     ('waiting', 'queued', 'sending', 'delivered', 'failed', 'dropped', 'unknown')),
    send_at          timestamptz NOT NULL,                -- of a waiting one
    tries            smallint    NOT NULL DEFAULT 0,
    outcome          text,
    created_at       timestamptz NOT NULL,
    finished_at      timestamptz,
    CONSTRAINT notification_delivery_once UNIQUE (notification_id, channel),
    CHECK ((status IN ('waiting', 'queued', 'sending')) = (finished_at IS NULL))
);
CREATE INDEX notification_delivery_waiting ON notification_delivery (send_at) WHERE status = 'waiting';
CREATE INDEX notification_delivery_open ON notification_delivery (created_at) WHERE finished_at IS NULL;
CREATE INDEX notification_delivery_finished ON notification_delivery (finished_at) WHERE finished_at IS NOT NULL;

CREATE TABLE notification_attempt (
    id            bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    delivery_id   uuid        NOT NULL REFERENCES notification_delivery (id) ON DELETE CASCADE,
    at            timestamptz NOT NULL,
    milliseconds  integer     NOT NULL,
    outcome       text        NOT NULL,
    code          text        CHECK (length(code) <= 64)  -- what the other side called it
);
CREATE INDEX notification_attempt_delivery ON notification_attempt (delivery_id, id);

-- What an account does not want; whatever has no row is wanted. The inbox takes everything.
CREATE TABLE notification_preference (
    account_id  uuid    NOT NULL,
    kind_group  text    NOT NULL,
    channel     text    NOT NULL CHECK (channel IN ('wechat', 'sms')),
    is_wanted   boolean NOT NULL,
    PRIMARY KEY (account_id, kind_group, channel)
);
CREATE TABLE notification_quiet_hours (
    account_id   uuid PRIMARY KEY,
    quiet_from   time NOT NULL,
    quiet_until  time NOT NULL
);

-- How many messages of a template an account may still be sent: one for each time the person accepted (WeChat's
-- one-time subscriptions).
CREATE TABLE notification_subscription (
    account_id   uuid        NOT NULL,
    template_id  text        NOT NULL,
    count        smallint    NOT NULL CHECK (count BETWEEN 0 AND 100),
    updated_at   timestamptz NOT NULL,
    PRIMARY KEY (account_id, template_id)
);

INSERT INTO notification_kind (code, kind_group, is_important, passes_quiet_hours, fallback_minutes,
                               title_zh, title_en, body_zh, body_en, sms) VALUES
('appointment.booked', 'appointment', false, false, NULL, '预约成功', 'Appointment made',
 '{patient}已预约{starts_at} {department} {practitioner}医生，{campus}，{queue_number}号。请按时到院签到。',
 '{patient} has an appointment on {starts_at}: {department}, Dr {practitioner}, {campus}, number {queue_number}. Please check in on time.', NULL),
('appointment.moved', 'appointment', true, false, 60, '预约已更改', 'Appointment changed',
 '{patient}的就诊已改为{starts_at} {department} {practitioner}医生，{campus}，{queue_number}号。',
 'The visit of {patient} is now on {starts_at}: {department}, Dr {practitioner}, {campus}, number {queue_number}.',
 '{patient}的就诊时间已改为{starts_at}，详情请见小程序。'),
('appointment.cancelled', 'appointment', true, false, 60, '预约已取消', 'Appointment cancelled',
 '{patient}原定{starts_at}的{department} {practitioner}医生就诊已取消。已付费用会按规则退回。',
 'The visit of {patient} on {starts_at} ({department}, Dr {practitioner}) is cancelled. What was paid is refunded by the rules.',
 '{patient}原定{starts_at}的就诊已取消，详情请见小程序。'),
('stop.moved', 'appointment', true, false, 30, '停诊：已为您改约', 'Clinic stopped: a new time for you',
 '很抱歉，{was_at}的门诊停诊。已为{patient}改约到{starts_at} {department} {practitioner}医生，{queue_number}号。不方便可在预约里取消。',
 'We are sorry: the clinic on {was_at} does not take place. {patient} now has {starts_at}, {department}, Dr {practitioner}, number {queue_number}. You can cancel it if it does not suit.',
 '很抱歉，{was_at}的门诊停诊，已为{patient}改约到{starts_at}，请在小程序查看。'),
('stop.substituted', 'appointment', true, false, 30, '替诊：医生有变', 'Another doctor sees you',
 '{patient}{starts_at}的就诊改由{practitioner}医生接诊，时间和号序不变。不方便可在预约里取消。',
 'Dr {practitioner} will see {patient} on {starts_at}; time and number stay. You can cancel if it does not suit.',
 '{patient}{starts_at}的就诊改由其他医生接诊，请在小程序查看。'),
('stop.offered', 'appointment', true, false, 30, '停诊：请选择新的时间', 'Clinic stopped: please choose',
 '很抱歉，{was_at}的门诊停诊。请在{deadline}前为{patient}选择新的时间或取消；过时将自动取消。',
 'We are sorry: the clinic on {was_at} does not take place. Please choose a new time for {patient}, or cancel, before {deadline}; after that it is cancelled.',
 '很抱歉，{was_at}的门诊停诊，请在{deadline}前到小程序为{patient}选择新的时间。'),
('stop.cancelled', 'appointment', true, false, 30, '停诊：预约已取消', 'Clinic stopped: cancelled',
 '很抱歉，{was_at}的门诊停诊，{patient}的预约已取消。已付费用会全额退回。',
 'We are sorry: the clinic on {was_at} does not take place, and the visit of {patient} is cancelled. What was paid is refunded in full.',
 '很抱歉，{was_at}的门诊停诊，{patient}的预约已取消，请在小程序查看。'),
('stop.kept', 'appointment', true, false, 30, '门诊照常', 'Clinic takes place after all',
 '{starts_at}的门诊恢复，{patient}的预约照常有效，{queue_number}号。',
 'The clinic on {starts_at} takes place after all. The appointment of {patient} stands, number {queue_number}.',
 '{starts_at}的门诊恢复，{patient}的预约照常有效。'),
('stop.pending', 'appointment', true, false, 30, '门诊有变动，预约暂保留', 'Clinic changed: your number stays for now',
 '{starts_at}的门诊有变动，{patient}的预约暂时保留（{queue_number}号），医院会与您联系。',
 'The clinic on {starts_at} has changed. The appointment of {patient} stays for now (number {queue_number}); the hospital will be in touch.',
 '{starts_at}的门诊有变动，{patient}的预约暂时保留，医院会与您联系。'),
('waitlist.offered', 'waitlist', true, true, 5, '候补有号了', 'A place has come free',
 '{patient}候补到{starts_at} {department} {practitioner}医生的号。请在{deadline}前确认，过时将让给下一位。',
 'A place has come free for {patient}: {starts_at}, {department}, Dr {practitioner}. Please confirm before {deadline}; after that it goes to the next person.',
 '{patient}的候补有号了，请在{deadline}前到小程序确认。'),
('waitlist.ended', 'waitlist', false, false, NULL, '候补已结束', 'Waiting has ended',
 '{patient}的候补已结束，没有等到合适的号。您可以重新候补或改约其他时间。',
 'The waiting of {patient} has ended without a place. You can join again or choose another time.', NULL),
('queue.near', 'queue', false, true, NULL, '快到您了', 'Nearly your turn',
 '{patient}（{label}）前面还有{ahead}位，请到{room}附近等候。',
 '{ahead} before {patient} ({label}). Please wait near {room}.', NULL),
('queue.called', 'queue', true, true, NULL, '请就诊', 'Please come in',
 '请{patient}（{label}）到{room}就诊。',
 '{patient} ({label}), please come to {room}.',
 '请{patient}（{label}）到诊室就诊。'),
('queue.passed', 'queue', false, true, NULL, '已过号', 'Your call has passed',
 '{patient}（{label}）已过号，系统已为您顺延，请在{room}附近等候再次叫号。',
 '{patient} ({label}) was called and not there. Please wait near {room} to be called again.', NULL),
('bill.new', 'payment', false, false, NULL, '有新的费用', 'A new bill',
 '{patient}有一笔待缴费用{amount}，可在小程序缴费。',
 '{patient} has a new bill of {amount}. It can be paid here.', NULL),
('payment.paid', 'payment', false, true, NULL, '缴费成功', 'Payment received',
 '{patient}的{order_kind} {amount}已缴费成功。',
 'The {order_kind} of {patient}, {amount}, is paid.', NULL),
('payment.rejected', 'payment', true, false, 60, '缴费未成，款项将退回', 'Payment is being returned',
 '{patient}的{order_kind} {amount}未能入账，款项将原路退回。',
 'The {order_kind} of {patient}, {amount}, could not be booked. The money goes back the way it came.',
 '{patient}有一笔缴费未能入账，{amount}将原路退回。'),
('payment.refund_requested', 'payment', false, false, NULL, '退款处理中', 'Refund under way',
 '{patient}的{order_kind}退款{amount}已受理，完成后会通知您。',
 'The refund of {amount} for {patient} ({order_kind}) is under way. We tell you when it is done.', NULL),
('payment.refunded', 'payment', false, false, NULL, '退款成功', 'Refund done',
 '{patient}的{order_kind}退款{amount}已原路退回，到账时间以支付渠道为准。',
 'The refund of {amount} for {patient} ({order_kind}) has gone back the way it came.', NULL),
('payment.refund_declined', 'payment', true, false, 60, '退款未通过', 'Refund not granted',
 '{patient}的{order_kind}退款{amount}未通过，如有疑问请到收费窗口咨询。',
 'The refund of {amount} for {patient} ({order_kind}) was not granted. Please ask at the cashier.',
 '{patient}的一笔退款未通过，如有疑问请到收费窗口咨询。');
