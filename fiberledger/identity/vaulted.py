NOT_LOCKED = {
    "identity.Login.key": "the digest of a cookie",
    "identity.Throttle.key": "the digest of a name",
    "identity.PasswordReset.digest": "a digest",
    "identity.Invitation.digest": "a digest",
}
