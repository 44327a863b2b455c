"""What the sign-in pages say, in Chinese and English."""

from typing import Final

WORDS: Final = {
    "sign_in": ("登录", "Sign in"),
    "again": ("为保护您的信息，请再次确认身份。", "To protect your information, please confirm that it is you."),
    "phone": ("手机号码", "Mobile number"),
    "phone_lead": (
        "输入手机号码，我们会发送一条6位数字的验证码。首次登录会自动开通账户。",
        "Enter your mobile number and we will text you a six-digit code. A new number gets a new account.",
    ),
    "phone_hint": ("11位数字，例如 138 0013 8000", "11 digits, for example 138 0013 8000"),
    "send_code": ("获取验证码", "Send the code"),
    "use_passkey": ("使用通行密钥登录", "Sign in with a passkey"),
    "staff_link": ("医院员工登录", "Hospital staff"),
    "patient_link": ("患者登录", "Patients"),
    "no_messages": (
        "本院暂未开通短信登录，请使用通行密钥。",
        "Signing in by text message is not available here. Please use a passkey.",
    ),
    "code_title": ("输入验证码", "Enter the code"),
    "code_lead": ("验证码已发送至 {phone}，5分钟内有效。", "We sent a code to {phone}. It is valid for 5 minutes."),
    "code": ("6位验证码", "Six-digit code"),
    "code_hint": ("请勿告诉任何人。", "Tell it to nobody."),
    "continue": ("登录", "Sign in"),
    "other_phone": ("没有收到？重新获取或更换号码", "No message? Send again or use another number"),
    "code_gone": (
        "验证码不正确或已失效。请重新获取。",
        "That code was not right, or is no longer valid. Please send a new one.",
    ),
    "passkey_title": ("使用通行密钥登录", "Sign in with a passkey"),
    "passkey_lead": (
        "通行密钥保存在您的手机或电脑里，用指纹、面容或锁屏密码确认即可，不需要验证码。",
        (
            "A passkey lives in your phone or computer. You confirm with your fingerprint, face or screen lock;"
            " no code is needed."
        ),
    ),
    "passkey_go": ("继续", "Continue"),
    "passkey_no_script": (
        "使用通行密钥需要开启浏览器的 JavaScript。您也可以用其他方式登录。",
        "Passkeys need JavaScript. You can also sign in another way.",
    ),
    "passkey_failed": (
        "没有完成。请再试一次，或用其他方式登录。",
        "That was not completed. Try again, or sign in another way.",
    ),
    "passkey_unsupported": (
        "此浏览器不支持通行密钥，请用其他方式登录。",
        "This browser has no passkeys. Please sign in another way.",
    ),
    "to_consents": ("我的授权", "Applications I have allowed"),
    "to_accesses": ("谁使用过我的信息", "Who used my information"),
    "use_phone": ("使用手机验证码登录", "Sign in with a code by text message"),
    "use_password": ("使用密码登录", "Sign in with a password"),
    "staff_title": ("员工登录", "Staff sign-in"),
    "staff_code": ("工号", "Staff code"),
    "password": ("密码", "Password"),
    "totp": ("动态验证码", "Code from your authenticator"),
    "totp_hint": (
        "身份验证器显示的6位数字；手机不在身边时，可填写一个恢复码。",
        "The six digits your authenticator shows. Without your phone, give one of your recovery codes.",
    ),
    "sessions_title": ("登录管理", "Where you are signed in"),
    "sessions_lead": (
        "这些设备上登录着您的账户。发现不认识的，请立即退出它。",
        "Your account is signed in on these devices. End any that you do not recognise.",
    ),
    "this_device": ("本机", "This device"),
    "unknown_device": ("未知设备", "Unknown device"),
    "seen": ("最近使用 {seen}", "Last used {seen}"),
    "since": ("登录于 {since} · 地点未记录", "Signed in {since} · place not kept"),
    "end_session": ("退出该设备", "End"),
    "end_others": ("退出其他所有设备", "End all others"),
    "sign_out": ("退出登录", "Sign out"),
    "passkeys_title": ("通行密钥", "Passkeys"),
    "passkeys_lead": (
        "添加后，下次可以用指纹、面容或锁屏密码登录。",
        "With one, you sign in by fingerprint, face or screen lock.",
    ),
    "passkey_added": ("添加于 {since}", "Added {since}"),
    "passkey_used": ("添加于 {since} · 最近使用 {seen}", "Added {since} · last used {seen}"),
    "add_passkey": ("添加通行密钥", "Add a passkey"),
    "remove": ("删除", "Remove"),
    "members_title": ("就诊人", "Family members"),
    "members_none": ("还没有添加就诊人。", "Nobody has been added yet."),
    "self": ("本人", "Yourself"),
    "child": ("子女", "Child"),
    "parent": ("父母", "Parent"),
    "spouse": ("配偶", "Spouse"),
    "other": ("其他", "Other"),
    "default": ("默认", "Default"),
    "ended": ("已退出。", "That session has ended."),
    "others_ended": ("其他设备均已退出。", "All other sessions have ended."),
    "passkey_is_there": ("通行密钥已添加。", "The passkey has been added."),
    "passkey_removed": ("通行密钥已删除。", "The passkey has been removed."),
    "signed_out": ("您已退出登录。", "You are signed out."),
    "set_up_title": ("开通员工账户", "Set up your staff account"),
    "set_up_lead": (
        "请输入管理员交给您的开通码。开通码24小时内有效，只能使用一次。",
        "Enter the set-up code that your administrator gave you. It is valid for 24 hours and works once.",
    ),
    "set_up_code": ("开通码", "Set-up code"),
    "set_up_code_hint": ("字母和数字，连字符可省略", "Letters and digits; hyphens may be left out"),
    "set_up_hello": ("{name}（{code}），请选择登录方式。", "{name} ({code}), choose how you will sign in."),
    "set_up_password_title": ("密码和动态验证码", "Password and authenticator"),
    "new_password": ("设置密码", "New password"),
    "new_password_hint": (
        "至少12个字符，建议用几个不相关的词组成一句话",
        "At least 12 characters; a few unrelated words make a good one",
    ),
    "new_password_again": ("再次输入密码", "The password again"),
    "scan": (
        "用身份验证器扫描二维码，然后填写它显示的6位数字。",
        "Scan this with an authenticator, then enter the six digits it shows.",
    ),
    "scan_by_hand": ("无法扫描时，手动输入密钥：", "If you cannot scan, type this key:"),
    "passwords_differ": ("两次输入的密码不一致", "The two passwords differ."),
    "totp_wrong": (
        "动态验证码不正确，请填写身份验证器现在显示的数字",
        "That code is not right. Enter what your authenticator shows now.",
    ),
    "set_up_finish": ("完成开通", "Finish"),
    "set_up_passkey_title": ("或者：通行密钥", "Or: a passkey"),
    "set_up_done": ("账户已开通", "Your account is ready"),
    "recovery_lead": (
        "请抄下或打印这些恢复码并妥善保管。每个只能使用一次，离开本页后不再显示。",
        "Write these recovery codes down or print them, and keep them safe. Each works once. They are not shown again.",
    ),
    "go_sign_in": ("前往登录", "Go to sign-in"),
    "wait": ("请在 {seconds} 秒后再试。", "Please try again in {seconds} seconds."),
}


def say(word: str, language: str, **values: object) -> str:
    """Give a sentence in a language."""
    zh, en = WORDS[word]
    return (en if language == "en" else zh).format(**values)
