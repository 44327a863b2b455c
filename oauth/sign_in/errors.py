"""
SignInError
├── NotSignedIn          sign_in.not_signed_in          no session, or one that has ended
├── StepUpNeeded         sign_in.step_up_needed         signed in, but not strongly or not lately enough
├── SignInRefused        sign_in.refused                whoever it is and whatever was wrong: one answer
├── TooManyAttempts      sign_in.too_many_attempts      retry_after_seconds
├── InvalidPhone         sign_in.invalid_phone          no mobile number of the mainland
├── MessageNotSent       sign_in.message_not_sent       the message port did not take it
├── WeChatUnavailable    sign_in.wechat_unavailable     WeChat does not answer, or not usefully
├── WeChatBoundElsewhere sign_in.wechat_bound_elsewhere the openid is another account's
├── MethodNotOffered     sign_in.method_not_offered     this deployment has no such way
├── HolderUnsure         sign_in.holder_unsure          question, tries_left, expires_at (in the app)
├── HolderNotKnown       sign_in.holder_not_known       tries_left
├── FormOutdated         sign_in.form_outdated          posted from elsewhere, or by another session
├── WeakPassword         sign_in.weak_password          rule
├── PasskeyLimitReached  sign_in.passkey_limit_reached  limit
└── NotYours             sign_in.not_found              absent, or another's
"""

from kernel.errors import Conflict, Forbidden, Invalid, NotFound, Refused, TooMany, Unauthenticated, Unavailable


class NotSignedIn(Unauthenticated):
    """Nobody is signed in at this browser."""

    code = "sign_in.not_signed_in"
    zh = "请先登录"
    en = "Please sign in first."


class StepUpNeeded(Forbidden):
    """The session is real, but this needs a stronger or fresher proof of who is there (RFC 9470)."""

    code = "sign_in.step_up_needed"
    zh = "为保护您的信息，请再次确认身份"
    en = "To protect your information, please confirm that it is you."


class SignInRefused(Forbidden):
    """Something did not fit. Which of them, and whether the person exists, is not told."""

    code = "sign_in.refused"
    zh = "登录信息不正确或已失效，请核对后重试"
    en = "That did not match, or is no longer valid. Please check and try again."


class TooManyAttempts(TooMany):
    """The limit on attempts has been reached; it says when to come back, and is the same for known and unknown."""

    code = "sign_in.too_many_attempts"
    zh = "操作过于频繁，请稍后再试"
    en = "There were too many attempts. Please wait a little and try again."


class InvalidPhone(Invalid):
    """This cannot be a mobile number of the mainland."""

    code = "sign_in.invalid_phone"
    zh = "请输入11位手机号码"
    en = "Please enter an 11-digit mobile number."


class MessageNotSent(Unavailable):
    """The message port did not take the message; nothing was sent."""

    code = "sign_in.message_not_sent"
    zh = "短信暂时无法发送，请稍后再试"
    en = "The message could not be sent. Please try again in a moment."


class WeChatUnavailable(Unavailable):
    """WeChat did not say who is there; other ways of signing in still work."""

    code = "sign_in.wechat_unavailable"
    zh = "微信登录暂不可用，请稍后再试或使用短信验证码登录"
    en = "Signing in with WeChat does not work right now. Please try again, or sign in with a code by text message."


class WeChatBoundElsewhere(Conflict):
    """This WeChat user belongs to another account already; it is unbound there first."""

    code = "sign_in.wechat_bound_elsewhere"
    zh = "该微信已绑定其他手机号账户，请先在原账户中解除绑定"
    en = "This WeChat user is bound to another account. Please unbind it there first."


class MethodNotOffered(Refused):
    """This deployment does not offer this way of signing in."""

    code = "sign_in.method_not_offered"
    zh = "暂不支持此登录方式"
    en = "This way of signing in is not available here."


class HolderUnsure(Conflict):
    """The number was proved, and its account is in use without it since long: is whoever has it now its holder?

    In the app a question comes with it, by which they go on; our own pages send them there.
    """

    code = "sign_in.holder_unsure"
    zh = "这个手机号很久没有验证过了。请先在微信小程序或医院手机网页（/m/）上用它登录一次，回答一个问题"
    en = (
        "This number was last verified long ago. Please sign in with it once in the WeChat mini-program or at the"
        " hospital's mobile site (/m/), and answer a question there."
    )


class HolderNotKnown(Forbidden):
    """No document of the account's people ends so, or it was tried too often."""

    code = "sign_in.holder_not_known"
    zh = "与登记的证件号码不一致，请核对"
    en = "This does not agree with a document on record. Please check it."


class FormOutdated(Forbidden):
    """A form was posted from another site, or belongs to a session that is no longer this one."""

    code = "sign_in.form_outdated"
    zh = "页面已过期，请重新打开后再试"
    en = "This page is out of date. Please open it again."


class WeakPassword(Invalid):
    """The password is too short, too long, well known or made of little."""

    code = "sign_in.weak_password"
    zh = "密码至少12个字符，且不能是常见或容易猜到的密码"
    en = "A password has at least 12 characters and is not a common or easily guessed one."


class PasskeyLimitReached(Conflict):
    """The subject has as many passkeys as may be had."""

    code = "sign_in.passkey_limit_reached"
    zh = "通行密钥数量已达上限，请先删除不用的"
    en = "You have as many passkeys as possible. Remove one that you do not use."


class NotYours(NotFound):
    """There is no such session or passkey of this subject."""

    code = "sign_in.not_found"
    zh = "未找到"
    en = "Not found."
