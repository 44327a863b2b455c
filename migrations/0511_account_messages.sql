-- An account is told what has become of its telephone number.
ALTER TABLE notification_kind DROP CONSTRAINT notification_kind_kind_group_check;
ALTER TABLE notification_kind ADD CONSTRAINT notification_kind_kind_group_check
    CHECK (kind_group IN ('appointment', 'waitlist', 'queue', 'payment', 'feedback', 'report', 'bed', 'account'));

INSERT INTO notification_kind (code, kind_group, is_important, passes_quiet_hours, fallback_minutes,
                               title_zh, title_en, body_zh, body_en, sms) VALUES
('account.phone_changed', 'account', false, false, NULL, '手机号已更换', 'Your number was changed',
 '账户的手机号已换成新的，其他设备都已退出登录。如果不是您换的，请马上联系医院。',
 'The account has a new telephone number, and all other devices are signed out. If this was not you, please call the hospital now.',
 NULL),
('account.phone_released', 'account', false, false, NULL, '请登记新的手机号', 'Please give us your new number',
 '您原来的手机号已被别人用来开了新账户，不再属于这个账户。请登记您现在的手机号，以免收不到就诊通知。',
 'Somebody has begun a new account with your former number, which is no longer this account''s. Please give us the number that you have now, so that messages reach you.',
 NULL);
