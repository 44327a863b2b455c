"""
WireError
└── every refusal of sms.tencentcloudapi.com: a code and its message, in an answer of status 200
"""

from typing import Final

TEXTS: Final = {
    "AuthFailure.InvalidAuthorization": "Authorization in the request header is invalid.",
    "AuthFailure.SecretIdNotFound": "The SecretId is not found, please ensure that your SecretId is correct.",
    "AuthFailure.SignatureExpire": "The signature has expired, please check that your time is synchronized.",
    "AuthFailure.SignatureFailure": "The provided credentials could not be validated. Please check your signature.",
    "FailedOperation.ContainSensitiveWord": "the content contains sensitive words",
    "FailedOperation.PhoneNumberInBlacklist": "the phone number is in the blacklist",
    "FailedOperation.SignatureIncorrectOrUnapproved": "sign is incorrect or unapproved",
    "FailedOperation.TemplateParamSetNotMatchApprovedTemplate": (
        "request content does not match the approved template content"
    ),
    "FailedOperation.TemplateUnapprovedOrNotExist": "template is not approved or does not exist",
    "InvalidAction": "The request action is invalid.",
    "InvalidParameter": "The value of a parameter is of another type.",
    "InvalidParameterValue.ContentLengthLimit": "the content is too long",
    "InvalidParameterValue.IncorrectPhoneNumber": "incorrect phone number",
    "InvalidParameterValue.LimitVerifyFail": "Limit is 1 to 100",
    "InvalidParameterValue.ProhibitedUseUrlInTemplateParameter": "no URL in a template parameter",
    "InvalidParameterValue.SdkAppIdNotExist": "sdkappid does not exist",
    "InvalidParameterValue.TemplateParameterFormatError": "a code is 0 to 6 digits",
    "InvalidRequest": "The request is not readable.",
    "LimitExceeded.AppDailyLimit": "the number of messages of the day reaches the limit",
    "LimitExceeded.PhoneNumberCountLimit": "more than 200 phone numbers",
    "LimitExceeded.PhoneNumberDailyLimit": "the number of messages to a number in a day reaches the limit",
    "LimitExceeded.PhoneNumberOneHourLimit": "the number of messages to a number in an hour reaches the limit",
    "LimitExceeded.PhoneNumberThirtySecondLimit": "the number of messages to a number in 30 seconds reaches the limit",
    "MissingParameter": "A parameter is missing.",
    "MissingParameter.EmptyPhoneNumberSet": "no phone number",
    "NoSuchVersion": "The API version does not exist.",
    "UnknownParameter": "A parameter is not recognized.",
    "UnsupportedOperation.ContainDomesticAndInternationalPhoneNumber": "numbers of the mainland and of elsewhere",
    "UnsupportedRegion": "The region is not supported.",
}
"""The codes that this emulator says by itself (https://cloud.tencent.com/document/api/382/59177)."""


class WireError(Exception):
    """A refusal as the gateway words it."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code
        self.message = TEXTS.get(code, code)
