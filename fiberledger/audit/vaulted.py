NOT_LOCKED = {
    "audit.Seal.leaves": "digests",
    "audit.Seal.previous": "a digest",
    "audit.Seal.digest": "a digest",
    "audit.Head.digest": "a digest",
    "audit.Head.signature": "a signature",
}
